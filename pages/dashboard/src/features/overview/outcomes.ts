/** The items of a batch by outcome, for its bar and the words below it. */
import type { OverviewBatchFragment } from '../../data/gql/graphql';
import { count, duration, rate } from '../../data/clock';

export interface Part {
  status: string;
  words: string;
  items: number;
}

export function partsOf(batch: OverviewBatchFragment): Part[] {
  return [
    { status: 'COMPLETED', words: 'completed', items: batch.processed },
    { status: 'FAILED', words: 'failed', items: batch.failed },
    { status: 'TIMED_OUT', words: 'timed out', items: batch.timedOut },
    { status: 'CANCELED', words: 'canceled', items: batch.canceled },
    { status: 'RUNNING', words: 'running', items: batch.running },
    { status: 'QUEUED', words: 'queued', items: batch.queued },
  ].filter(({ items }) => items > 0);
}

export const isOver = ({ status }: OverviewBatchFragment) => status !== 'QUEUED' && status !== 'RUNNING';

export const endedOf = (batch: OverviewBatchFragment) => batch.processed + batch.failed + batch.timedOut + batch.canceled;

/**
 * Returns the outcomes and the pace, such as "303 completed, 16 failed, 181 queued; 96 a second, 1 min 10 s left". In a paused
 * queue, a batch without running items has no pace.
 */
export function summaryOf(batch: OverviewBatchFragment, isQueuePaused: boolean): string {
  const outcomes = partsOf(batch)
    .map(({ items, words }) => `${count(items)} ${words}`)
    .join(', ');
  const { totalProcessingTimeMs: took, itemsPerSecond: pace } = batch;
  const eta = batch.progress.etaSeconds;
  const more = isOver(batch)
    ? took && `took ${duration(took / 1000)}`
    : isQueuePaused && batch.running === 0
      ? 'paused'
      : [pace !== null && `${rate(pace)} a second`, eta !== null && `${duration(Math.max(1, Math.round(eta)))} left`].filter(Boolean).join(', ');
  return more ? `${outcomes}; ${more}` : outcomes;
}
