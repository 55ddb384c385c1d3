/** The figures of a batch, in words. */
import { count, duration, plural, rate } from '../../data/clock';
import type { BatchDetailFragment, BatchRowFragment } from '../../data/gql/graphql';

type Figures = Pick<
  BatchRowFragment,
  'totalItems' | 'processed' | 'failed' | 'canceled' | 'timedOut' | 'running' | 'queued' | 'retryableItems' | 'refusedItems'
>;

export const titleOf = ({ id, name }: { id: string; name: string | null }) => name ?? `…${id.slice(-8)}`;

export const isOver = ({ status }: { status: string }) => status !== 'QUEUED' && status !== 'RUNNING';

export const endedItems = (batch: Figures) => batch.processed + batch.failed + batch.timedOut + batch.canceled;

/** The items by outcome, in the order of the bar. The rest waits. */
export function outcomes(batch: Figures): { status: string; items: number; words: string }[] {
  const refused = batch.refusedItems ? `, ${count(batch.refusedItems)} of them refused` : '';
  return [
    { status: 'COMPLETED', items: batch.processed, words: `${count(batch.processed)} completed` },
    { status: 'FAILED', items: batch.failed, words: `${count(batch.failed)} failed${refused}` },
    { status: 'TIMED_OUT', items: batch.timedOut, words: `${count(batch.timedOut)} timed out` },
    { status: 'CANCELED', items: batch.canceled, words: `${count(batch.canceled)} canceled` },
    { status: 'RUNNING', items: batch.running, words: `${count(batch.running)} running` },
    { status: 'QUEUED', items: batch.queued, words: `${count(batch.queued)} queued` },
  ].filter(({ items }) => items > 0);
}

/** The items that a retry queues: "15 failed items", or "215 items" if they ended in several ways. */
export function retried(batch: Figures): string {
  const ways = [
    ['failed', batch.failed - batch.refusedItems],
    ['canceled', batch.canceled],
    ['timed-out', batch.timedOut],
  ] as const;
  const [first, ...others] = ways.filter(([, items]) => items > 0);
  return first && !others.length ? plural(batch.retryableItems, `${first[0]} item`) : plural(batch.retryableItems, 'item');
}

/** The items that a cancellation ends: "181 queued items", "3 running items", "184 queued and running items". */
export function canceled({ queued, running }: Figures): string {
  const ways = [queued && 'queued', running && 'running'].filter(Boolean).join(' and ');
  return plural(queued + running, `${ways} item`);
}

type Times = Pick<BatchRowFragment, 'status' | 'running' | 'itemsPerSecond' | 'totalProcessingTimeMs' | 'processed' | 'failed' | 'progress'>;

/** Whether the batch waits for the end of a pause. Its figures of the time before would promise an end. */
const waits = (batch: Times, isPaused: boolean) => isPaused && !isOver(batch) && batch.running === 0;

/** Items a second: now, or over all runs. Canceled and timed-out items may never have started, and do not count. */
export function rateOf(batch: Times, isPaused: boolean): string | null {
  if (waits(batch, isPaused)) return null;
  const took = batch.totalProcessingTimeMs;
  const ran = batch.processed + batch.failed;
  if (!isOver(batch)) return batch.itemsPerSecond === null ? null : rate(batch.itemsPerSecond);
  return took && ran ? rate(ran / (took / 1000)) : null;
}

/** "4 s left" of a running batch, "took 1 min 3 s" of an ended one. */
export function timeOf(batch: Times, isPaused: boolean): string | null {
  if (waits(batch, isPaused)) return 'paused';
  const { etaSeconds } = batch.progress;
  if (!isOver(batch)) return etaSeconds === null ? null : `${duration(Math.max(1, Math.round(etaSeconds)))} left`;
  return batch.totalProcessingTimeMs ? `took ${duration(batch.totalProcessingTimeMs / 1000)}` : null;
}

/** Time and rate, for one batch: "took 1 min 3 s, 7.9 items a second". */
export function paceOf(batch: Times, isPaused: boolean): string {
  const rate = rateOf(batch, isPaused);
  const known = [timeOf(batch, isPaused), rate && `${rate} items a second`].filter(Boolean).join(', ');
  return known || (isOver(batch) ? 'no item ran' : '');
}

type Group = Pick<BatchDetailFragment['errorGroups'][number], 'count' | 'retryableItems'> & {
  examples: readonly { error: { retryable: boolean } | null }[];
};

/** Whether a retry can help these items. An error of one kind is the same in each: the newest one says it for all. */
export function prospects({ count: all, retryableItems, examples }: Group): string {
  if (retryableItems === 0) return 'a retry cannot help';
  if (examples[0]?.error?.retryable === false) return 'a retry helps only if the cause is gone';
  return retryableItems === all ? 'can be retried' : `${count(retryableItems)} can be retried`;
}
