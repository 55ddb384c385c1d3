/**
 * Batches on screen, kept current: read again after their events, and with each report of figures while they run, because
 * rates and remaining times have no event. The order of the rows never changes.
 */
import { useEffect, useRef } from 'preact/hooks';
import { metrics, queue } from '../../data/figures';
import { follow, startAt } from '../../data/log';
import type { LogEvent } from '../../data/operations';
import { useStore } from '../../data/store';

const TYPES = ['ANALYSIS_QUEUED', ...['STARTED', 'PROGRESS', 'COMPLETED', 'CANCELED', 'TIMED_OUT', 'DELETED'].map((each) => `BATCH_${each}`)];
/** Milliseconds between two readings. */
const READ_MS = 500;

/** Whether the queue is paused, as far as the page knows. */
export const useIsPaused = () => Boolean(useStore(queue)?.pausedSince);

interface Shown {
  batches: readonly { id: string; status: string }[];
  /** `Query.eventsEnd` of their query. */
  end: string | undefined;
  /** Reads these batches, so that the cache has them. */
  read: (ids: string[]) => Promise<unknown>;
  /** Reads the whole page again. */
  again: () => void;
  /** Called after events of other batches that may be new. */
  added?: () => void;
}

export function useLiveBatches(shown: Shown): void {
  const current = useRef(shown);
  current.current = shown;
  useEffect(() => {
    const stale = new Set<string>();
    let isNew = false;
    let isReading = false;
    let isGone = false;
    let due: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      if (!isReading && !isGone) due ??= setTimeout(() => void read(), READ_MS);
    };
    const read = async () => {
      due = undefined;
      const { batches, read, again, added } = current.current;
      const ids = batches.map(({ id }) => id).filter((id) => stale.has(id));
      stale.clear();
      if (isNew) added?.();
      isNew = false;
      isReading = true;
      try {
        if (ids.length) await read(ids);
      } catch {
        if (!isGone) again(); // the connection was lost: the page waits for it
      }
      isReading = false;
      if (stale.size || isNew) soon();
    };
    const take = ({ type, subjectId, batchId }: LogEvent) => {
      const id = type === 'ANALYSIS_QUEUED' ? batchId : subjectId;
      if (!id) return;
      const isShown = current.current.batches.some((batch) => batch.id === id);
      if (isShown && type === 'BATCH_DELETED') return current.current.again();
      // The first event of a new batch is that of its first item, or of its end if all items were refused.
      if (isShown) stale.add(id);
      else if (type !== 'BATCH_PROGRESS' && type !== 'BATCH_DELETED') isNew = true;
      else return;
      soon();
    };
    const measured = () => {
      for (const { id, status } of current.current.batches) if (status === 'RUNNING') stale.add(id);
      if (stale.size) soon();
    };
    const ends = [follow({ types: TYPES, take, restarted: () => current.current.again() }), metrics.listen(measured)];
    return () => {
      isGone = true;
      for (const end of ends) end();
      clearTimeout(due);
    };
  }, []);
  useEffect(() => {
    if (shown.end) startAt(shown.end);
  }, [shown.end]);
}
