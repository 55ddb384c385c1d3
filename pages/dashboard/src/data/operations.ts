/**
 * Operations of the event log and of the figures, and the types of their responses: subscriptions, which bypass the cache.
 * `npm run check` validates each document against schema/schema.graphql. Other operations are in `.graphql` files, and
 * their types are generated.
 */
import { ACCEPT_INVITATION, VIEWER } from '../../../shared/session.ts';

export type AnalysisStatus = 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED' | 'TIMED_OUT';
export type BatchStatus = 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'CANCELED' | 'TIMED_OUT';
export type HealthStatus = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';

export interface LogEvent {
  __typename: string;
  cursor: string;
  type: string;
  occurredAt: string;
  subjectId: string;
  analysisStatus?: AnalysisStatus;
  batchStatus?: BatchStatus;
  batchId?: string | null;
  progress?: { fraction: number; step: string | null };
  error?: { code: string; message: string } | null;
  totalItems?: number;
  processed?: number;
  failed?: number;
  component?: string;
  health?: string;
  alertMessage?: string | null;
  analyzerName?: string | null;
  by?: string | null;
  done?: number;
  eligible?: number;
}

/** Times at which the recent past may begin: the end of a recently ended analysis, or the submission of the newest one. */
export const RECENT = `query DashboardRecent {
  ended: analyses(first: 20, orderBy: { field: FINISHED_AT }) { nodes { id finishedAt } }
  newest: analyses(first: 1) { nodes { id createdAt } }
}`;

export interface RecentData {
  ended: { nodes: { id: string; finishedAt: string | null }[] };
  newest: { nodes: { id: string; createdAt: string }[] };
}

export const CURSOR_AT = `query DashboardCursorAt($time: DateTime!) { eventsCursorAt(time: $time) }`;

export interface CursorAtData {
  eventsCursorAt: string;
}

export const EVENTS = `subscription DashboardEvents($after: String, $filter: EventFilter) {
  events(after: $after, filter: $filter) {
    __typename cursor type occurredAt subjectId
    ... on AnalysisEvent { analysisStatus: status batchId analyzerName progress { fraction step } error { code message } }
    ... on BatchEvent { batchStatus: status totalItems processed failed }
    ... on AlertEvent { component health alertMessage: message }
    ... on QueueEvent { by }
    ... on BulkActionEvent { done eligible }
  }
}`;

export interface EventFilter {
  types?: readonly string[];
  subjectId?: string;
  batchId?: string;
  problemsOnly?: boolean;
}

export interface EventsData {
  events: LogEvent;
}

export interface Latency {
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
}

export interface Worker {
  id: string;
  instance: string;
  slots: number;
  busy: number;
  alive: boolean;
  lastSeenAt: string;
  startedAt: string;
  completed: number;
  failed: number;
  cpuPercent: number;
  memoryMb: number;
  current: { id: string; key: string | null; startedAt: string | null; progress: { fraction: number; step: string | null } }[];
}

export interface Metrics {
  timestamp: string;
  instance: string;
  uptimeSeconds: number;
  system: { cpuPercent: number; memoryPercent: number; memoryMb: number; diskPercent: number };
  http: { latency: Latency };
  batches: { total: number; running: number; itemsProcessed: number; itemsFailed: number; itemsPerSecond: number; latency: Latency };
  queue: {
    depth: number;
    running: number;
    oldestSeconds: number | null;
    byPriority: { priority: number; depth: number; oldestSeconds: number | null }[];
    byAnalyzer: { analyzer: string; depth: number }[];
    latency: { waiting: Latency; processing: Latency; total: Latency };
  };
  workers: Worker[];
  subscriptions: { connections: number; active: number };
}

export const METRICS = `subscription DashboardMetrics {
  metrics(intervalSeconds: 1) {
    timestamp instance uptimeSeconds
    system { cpuPercent memoryPercent memoryMb diskPercent }
    http { latency { p50Ms p95Ms p99Ms } }
    batches { total running itemsProcessed itemsFailed itemsPerSecond latency { p50Ms p95Ms p99Ms } }
    queue {
      depth running oldestSeconds byPriority { priority depth oldestSeconds } byAnalyzer { analyzer depth }
      latency { waiting { p50Ms p95Ms p99Ms } processing { p50Ms p95Ms p99Ms } total { p50Ms p95Ms p99Ms } }
    }
    workers {
      id instance slots busy alive lastSeenAt startedAt completed failed cpuPercent memoryMb
      current { id key startedAt progress { fraction step } }
    }
    subscriptions { connections active }
  }
}`;

export interface MetricsData {
  metrics: Metrics;
}

export interface Health {
  status: HealthStatus;
  components: { name: string; status: HealthStatus; message: string | null; latencyMs: number | null }[];
  recommendations: string[];
}

export interface Storage {
  databaseBytes: number;
  analyses: number;
  events: number;
  files: number;
  fileBytes: number;
}

export const HEALTH = `subscription DashboardHealth {
  metrics(intervalSeconds: 5) {
    health { status components { name status message latencyMs } recommendations }
    storage { databaseBytes analyses events files fileBytes }
  }
}`;

export interface HealthData {
  metrics: { health: Health; storage: Storage };
}

/** The pauses and limits of the queue. */
export interface Queue {
  pausedSince: string | null;
  pauseReason: string | null;
  concurrency: number | null;
  analyzers: { analyzer: string; pausedSince: string | null; pauseReason: string | null; limit: number | null }[];
}

const QUEUE_PARTS = `fragment DashboardQueueParts on Queue {
  pausedSince pauseReason concurrency analyzers { analyzer pausedSince pauseReason limit }
}`;

export const QUEUE = `query DashboardQueue {
  eventsEnd
  queue { ...DashboardQueueParts }
  batches(filter: { status: [QUEUED, RUNNING] }, first: 0) { totalCount }
}
${QUEUE_PARTS}`;

export interface QueueData {
  eventsEnd: string;
  queue: Queue;
  batches: { totalCount: number };
}

/** All documents, for `npm run check`. */
export const DOCUMENTS = {
  RECENT,
  CURSOR_AT,
  EVENTS,
  METRICS,
  HEALTH,
  QUEUE,
  VIEWER,
  ACCEPT_INVITATION,
};
