/** The server's figures of each second, its health, and the pauses of its queue. The frame and several pages show them. */
import { query } from './client';
import { heard } from './clock';
import { heardMetrics } from './log';
import { HEALTH, METRICS, QUEUE, type Health, type HealthData, type Metrics, type MetricsData, type Queue, type QueueData, type Storage } from './operations';
import { expectSilence, subscribe } from './socket';
import { Store } from './store';

export const metrics = new Store<Metrics | null>(null);
export const health = new Store<Health | null>(null);
export const storage = new Store<Storage | null>(null);
/** The number of reports in a row, one in five seconds, in which the server was not healthy. */
export let unwell = 0;
export const queue = new Store<Queue | null>(null);
/** The number of queued and running batches. */
export const batchesInWork = new Store<number | null>(null);

/**
 * Reads the pauses and the number of batches in work. Returns the end of the event log before them, or null after a failure,
 * which the next report repairs.
 */
export async function readQueue(): Promise<string | null> {
  try {
    const data = await query<QueueData>(QUEUE, {});
    queue.set(data.queue);
    batchesInWork.set(data.batches.totalCount);
    return data.eventsEnd;
  } catch {
    return null;
  }
}

function follow(): () => void {
  const ends = [
    subscribe<MetricsData>(METRICS, {}, ({ metrics: figures }) => {
      heard(figures.timestamp);
      heardMetrics(figures);
      metrics.set(figures);
    }),
    subscribe<HealthData>(HEALTH, {}, (data) => {
      unwell = data.metrics.health.status === 'HEALTHY' ? 0 : unwell + 1;
      health.set(data.metrics.health);
      storage.set(data.metrics.storage);
      void readQueue(); // others can pause the queue, and not every page follows the event of it
    }),
  ];
  return () => ends.forEach((end) => end());
}

/** Follows the figures while the app is open. A hidden tab asks for none. */
export function watch(): void {
  let end: (() => void) | undefined;
  const turn = () => {
    expectSilence(document.hidden);
    if (document.hidden) {
      end?.();
      end = undefined;
    } else {
      end ??= follow();
    }
  };
  document.addEventListener('visibilitychange', turn);
  turn();
}
