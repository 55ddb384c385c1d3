/** The page's data other than the log: batches, figures, workers, health. */
import { onConnected, query, subscribe } from './api';
import { heard } from './clock';
import { heardMetrics, onEvent } from './log';
import {
  BATCHES,
  BATCHES_BY_ID,
  HEALTH,
  METRICS,
  QUEUE,
  type Batch,
  type BatchesByIdData,
  type BatchesData,
  type Health,
  type HealthData,
  type Metrics,
  type MetricsData,
  type Queue,
} from './operations';
import { Store } from './store';

export interface BatchList {
  /** Newest first. */
  shown: Batch[];
  total: number;
  wanted: number;
  loaded: boolean;
  error: string | null;
}

const PAGE = 10;
export const batches = new Store<BatchList>({ shown: [], total: 0, wanted: PAGE, loaded: false, error: null });

/** The batch that is open in the drawer, whether it is in the list or not. */
export const openBatch = new Store<Batch | null>(null);

export const isOver = (batch: Batch) => batch.finishedAt !== null && batch.status !== 'RUNNING' && batch.status !== 'QUEUED';
export const endedItems = (batch: Batch) => batch.processed + batch.failed + batch.canceled + batch.timedOut;

/** Replaces a batch by its current state. */
export function know(batch: Batch): void {
  const at = batches.value.shown.findIndex((each) => each.id === batch.id);
  if (at >= 0) {
    batches.value.shown[at] = batch;
    batches.touch();
  }
  if (openBatch.value?.id === batch.id) openBatch.set(batch);
}

const REFRESH_MS = 400;
const stale = new Set<string>();
let listIsStale = true;
let refreshing = false;
let due: ReturnType<typeof setTimeout> | undefined;

function refreshSoon(delay = REFRESH_MS): void {
  if (refreshing) return;
  due ??= setTimeout(() => {
    due = undefined;
    void refresh();
  }, delay);
}

/** Runs one query at a time, and at most one in 400 ms, for any number of events. */
async function refresh(): Promise<void> {
  refreshing = true;
  try {
    if (listIsStale) {
      listIsStale = false;
      const wanted = batches.value.wanted;
      const data = await query<BatchesData>(BATCHES, { first: wanted });
      for (const batch of data.batches.nodes) stale.delete(batch.id);
      batches.set({ ...batches.value, shown: data.batches.nodes, total: data.batches.totalCount, loaded: true, error: null });
      const opened = data.batches.nodes.find((batch) => batch.id === openBatch.value?.id);
      if (opened) openBatch.set(opened);
    }
    const known = new Set([...batches.value.shown.map((batch) => batch.id), openBatch.value?.id]);
    const ids = [...stale].filter((id) => known.has(id)).slice(0, 100);
    stale.clear();
    if (ids.length) {
      const data = await query<BatchesByIdData>(BATCHES_BY_ID, { ids });
      for (const batch of data.nodes) if (batch) know(batch);
    }
  } catch (error) {
    listIsStale = true;
    batches.set({ ...batches.value, error: (error as Error).message });
  } finally {
    refreshing = false;
    if (listIsStale || stale.size) refreshSoon();
  }
}

export function refreshList(): void {
  listIsStale = true;
  refreshSoon(0);
}

export function showMore(): void {
  batches.set({ ...batches.value, wanted: batches.value.wanted + 25 });
  refreshList();
}

export interface Point {
  /** Seconds since the epoch, by the server's clock. */
  at: number;
  perSecond: number;
  queued: number;
  running: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export const WINDOW_SECONDS = 300;
export const metrics = new Store<Metrics | null>(null);
export const points = new Store<Point[]>([]);
export const health = new Store<Health | null>(null);
export const queue = new Store<Queue | null>(null);

function measured(figures: Metrics): void {
  heard(figures.timestamp);
  heardMetrics(figures);
  const at = Date.parse(figures.timestamp) / 1000;
  const kept = points.value;
  // The times must ascend: after a restart of the server with an earlier clock, the plots are cleared.
  if (kept.length && at < kept.at(-1)!.at) kept.length = 0;
  const { latency } = figures.http;
  kept.push({
    at,
    perSecond: figures.batches.itemsPerSecond,
    queued: figures.queue.depth,
    running: figures.queue.running,
    p50: latency.p50Ms,
    p95: latency.p95Ms,
    p99: latency.p99Ms,
  });
  const old = kept.findIndex((point) => point.at >= at - WINDOW_SECONDS - 5);
  if (old > 0) kept.splice(0, old);
  metrics.set(figures);
  points.touch();
  // Rates and remaining times change without events.
  for (const batch of batches.value.shown) if (!isOver(batch)) stale.add(batch.id);
  if (openBatch.value && !isOver(openBatch.value)) stale.add(openBatch.value.id);
  if (stale.size || listIsStale) refreshSoon();
}

/** After a loss, the plots have a gap for the missing data. */
onConnected.add((again) => {
  const last = points.value.at(-1);
  if (again && last) {
    points.value.push({ ...last, at: last.at + 0.5, perSecond: NaN, queued: NaN, running: NaN, p50: null, p95: null, p99: null });
  }
  refreshList();
});

export function watch(): void {
  subscribe<MetricsData>(METRICS, {}, ({ metrics }) => measured(metrics));
  subscribe<HealthData>(HEALTH, {}, ({ metrics }) => {
    health.set(metrics.health);
    // Other clients can pause the queue, which has no event. After a failure, the next figures repeat the query.
    query<{ queue: Queue }>(QUEUE).then((data) => queue.set(data.queue), () => undefined);
  });
  onEvent((event) => {
    if (event.subjectId.startsWith('batch_')) {
      stale.add(event.subjectId);
      // If all its items were refused, a new batch has only its end event. Progress of older, unlisted batches is ignored.
      const isNew = event.type !== 'BATCH_PROGRESS' && !batches.value.shown.some((batch) => batch.id === event.subjectId);
      if (isNew) listIsStale = true;
      refreshSoon();
    } else if (event.type === 'ANALYSIS_QUEUED') {
      // The first event of a new batch: the batch's own events start with its first running item.
      listIsStale = true;
      refreshSoon();
    }
  });
}
