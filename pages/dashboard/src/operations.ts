/**
 * All operations of the page, and the types of their responses. `npm run check` validates each document against
 * schema/schema.graphql.
 */
export type AnalysisStatus = 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED' | 'TIMED_OUT';
export type BatchStatus = 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'CANCELED' | 'TIMED_OUT';
export type HealthStatus = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';

export const ANALYSIS_STATUSES: readonly AnalysisStatus[] = [
  'QUEUED',
  'RUNNING',
  'COMPLETED',
  'FAILED',
  'CANCELED',
  'TIMED_OUT',
];

export interface UserError {
  code: string;
  message: string;
  path: string[] | null;
}

export interface Page {
  hasNextPage: boolean;
  endCursor: string | null;
}

export interface Progress {
  fraction: number;
  step: string | null;
  etaSeconds: number | null;
}

export interface Fault {
  code: string;
  message: string;
  retryable: boolean;
}

export interface Batch {
  id: string;
  name: string | null;
  status: BatchStatus;
  totalItems: number;
  processed: number;
  failed: number;
  canceled: number;
  timedOut: number;
  running: number;
  queued: number;
  timeoutSeconds: number;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  progress: Progress;
  itemsPerSecond: number | null;
  totalProcessingTimeMs: number | null;
}

const BATCH = `fragment BatchParts on Batch {
  id name status totalItems processed failed canceled timedOut running queued timeoutSeconds
  createdAt startedAt finishedAt itemsPerSecond totalProcessingTimeMs
  progress { fraction step etaSeconds }
}`;

export const BATCHES = `query DashboardBatches($first: Int!) {
  batches(first: $first) { nodes { ...BatchParts } totalCount }
}
${BATCH}`;

export interface BatchesData {
  batches: { nodes: Batch[]; totalCount: number };
}

export const BATCHES_BY_ID = `query DashboardBatchesById($ids: [ID!]!) {
  nodes(ids: $ids) { ...BatchParts }
}
${BATCH}`;

export interface BatchesByIdData {
  nodes: (Batch | null)[];
}

export interface Item {
  id: string;
  key: string | null;
  status: AnalysisStatus;
  attempt: number;
  processingTimeMs: number | null;
  inputText: string | null;
  result: { summary: string; tags: string[] } | null;
  error: { code: string; message: string } | null;
}

export const BATCH_ITEMS = `query DashboardBatchItems($id: ID!, $first: Int!, $after: String, $status: [AnalysisStatus!]) {
  batch(id: $id) {
    ...BatchParts
    results(first: $first, after: $after, status: $status) {
      nodes {
        id key status attempt processingTimeMs inputText
        result { summary tags }
        error { code message }
      }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
}
${BATCH}`;

export interface BatchItemsData {
  batch: (Batch & { results: { nodes: Item[]; pageInfo: Page; totalCount: number } }) | null;
}

export interface AnyResult {
  __typename: string;
  score: number | null;
  tags: string[];
  summary: string;
  data: unknown;
}

export interface TextResult extends AnyResult {
  __typename: 'TextResult';
  languageUsed: string | null;
  statistics: Record<string, unknown> | null;
  language: {
    code: string;
    name: string;
    score: number;
    reliable: boolean;
    candidates: { code: string; name: string; score: number }[];
  } | null;
  sentiment: {
    label: string;
    score: number;
    magnitude: number;
    positive: number;
    negative: number;
    neutral: number;
    sentenceCount: number;
  } | null;
  keywords: { text: string; score: number; count: number }[] | null;
  topics: { label: string; share: number; terms: { text: string }[] }[] | null;
  entities: { text: string; type: string; score: number; count: number }[] | null;
  textSummary: { text: string; share: number } | null;
  unavailable: { operation: string; reason: string; message: string }[];
}

export interface Analysis {
  id: string;
  key: string | null;
  status: AnalysisStatus;
  priority: number;
  inputText: string | null;
  inputData: unknown;
  options: unknown;
  attempt: number;
  maxAttempts: number;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  processingTimeMs: number | null;
  analyzer: { name: string; scoreMeaning: string | null };
  progress: Progress;
  batch: { id: string; name: string | null } | null;
  error: Fault | null;
  result: AnyResult | TextResult | null;
}

export const ANALYSIS = `subscription DashboardAnalysis($id: ID!) {
  analysis(id: $id) {
    id key status priority inputText inputData options attempt maxAttempts
    createdAt startedAt finishedAt processingTimeMs
    analyzer { name scoreMeaning }
    progress { fraction step etaSeconds }
    batch { id name }
    error { code message retryable }
    result {
      __typename score tags summary data
      ... on TextResult {
        languageUsed
        statistics {
          characters charactersWithoutSpaces letters words uniqueWords sentences paragraphs syllables
          averageWordLength averageSentenceLength averageSyllablesPerWord lexicalDiversity readingTimeSeconds
          readability {
            readingEase level formula fleschKincaidGrade gunningFog smogIndex automatedReadabilityIndex
            colemanLiauIndex lix
          }
        }
        language { code name score reliable candidates { code name score } }
        sentiment { label score magnitude positive negative neutral sentenceCount }
        keywords { text score count }
        topics { label share terms { text } }
        entities { text type score count }
        textSummary { text share }
        unavailable { operation reason message }
      }
    }
  }
}`;

export interface AnalysisData {
  analysis: Analysis;
}

export interface LogEvent {
  __typename: string;
  cursor: string;
  type: string;
  occurredAt: string;
  subjectId: string;
  analysisStatus?: AnalysisStatus;
  batchStatus?: BatchStatus;
  progress?: { fraction: number; step: string | null };
  error?: { code: string; message: string } | null;
  totalItems?: number;
  processed?: number;
  failed?: number;
}

const EVENT = `fragment EventParts on Event {
  __typename cursor type occurredAt subjectId
  ... on AnalysisEvent { analysisStatus: status progress { fraction step } error { code message } }
  ... on BatchEvent { batchStatus: status totalItems processed failed }
}`;

export const ANALYSIS_HISTORY = `query DashboardHistory($id: ID!) {
  analysis(id: $id) { events(first: 200) { nodes { ...EventParts } pageInfo { hasNextPage endCursor } } }
}
${EVENT}`;

export interface HistoryData {
  analysis: { events: { nodes: LogEvent[]; pageInfo: Page } } | null;
}

/** Candidates for the feed's start: a recently ended analysis, the newest analysis, or the start of the log. */
export const RECENT = `query DashboardRecent {
  ended: analyses(first: 20, orderBy: { field: FINISHED_AT }) { nodes { id finishedAt } }
  newest: analyses(first: 1) { nodes { id } }
  events(first: 1) { nodes { ...EventParts } }
}
${EVENT}`;

export interface RecentData {
  ended: { nodes: { id: string; finishedAt: string | null }[] };
  newest: { nodes: { id: string }[] };
  events: { nodes: LogEvent[] };
}

export const EVENTS = `subscription DashboardEvents($after: String) {
  events(after: $after) { ...EventParts }
}
${EVENT}`;

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
  batches: { running: number; itemsProcessed: number; itemsFailed: number; itemsPerSecond: number; latency: Latency };
  queue: {
    depth: number;
    running: number;
    oldestSeconds: number | null;
    byPriority: { priority: number; depth: number; oldestSeconds: number | null }[];
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
    batches { running itemsProcessed itemsFailed itemsPerSecond latency { p50Ms p95Ms p99Ms } }
    queue {
      depth running oldestSeconds byPriority { priority depth oldestSeconds }
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

export const HEALTH = `subscription DashboardHealth {
  metrics(intervalSeconds: 5) { health { status components { name status message latencyMs } recommendations } }
}`;

export interface HealthData {
  metrics: { health: Health };
}

/** The pauses and limits of the queue. */
export interface Queue {
  pausedSince: string | null;
  concurrency: number | null;
  analyzers: { analyzer: string; pausedSince: string | null; limit: number | null }[];
}

const QUEUE_PARTS = `fragment QueueParts on Queue { pausedSince concurrency analyzers { analyzer pausedSince limit } }`;

export const QUEUE = `query DashboardQueue { queue { ...QueueParts } }
${QUEUE_PARTS}`;

export const PAUSE_QUEUE = `mutation DashboardPauseQueue($analyzer: String) {
  pauseQueue(input: { analyzer: $analyzer }) { queue { ...QueueParts } userErrors { code message path } }
}
${QUEUE_PARTS}`;

export const RESUME_QUEUE = `mutation DashboardResumeQueue($analyzer: String) {
  resumeQueue(input: { analyzer: $analyzer }) { queue { ...QueueParts } userErrors { code message path } }
}
${QUEUE_PARTS}`;

export type QueuePayload = { queue: Queue | null; userErrors: UserError[] };

export const CANCEL_BATCH = `mutation DashboardCancelBatch($id: ID!) {
  cancelBatch(input: { id: $id }) { batch { ...BatchParts } userErrors { code message path } }
}
${BATCH}`;

export const RETRY_BATCH = `mutation DashboardRetryBatch($id: ID!) {
  retryBatch(input: { id: $id }) { batch { ...BatchParts } userErrors { code message path } }
}
${BATCH}`;

export type BatchPayload = { batch: Batch | null; userErrors: UserError[] };

export const CANCEL_ANALYSIS = `mutation DashboardCancelAnalysis($id: ID!) {
  cancelAnalysis(input: { id: $id }) { analysis { id status } userErrors { code message path } }
}`;

export const RETRY_ANALYSIS = `mutation DashboardRetryAnalysis($id: ID!) {
  retryAnalysis(input: { id: $id }) { analysis { id status } userErrors { code message path } }
}`;

export const SUBMIT = `mutation DashboardSubmit($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status } userErrors { code message path } }
}`;

export const SUBMIT_BATCH = `mutation DashboardSubmitBatch($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { ...BatchParts } userErrors { code message path } }
}
${BATCH}`;

export type AnalysisPayload = { analysis: { id: string; status: AnalysisStatus } | null; userErrors: UserError[] };

export const TEXT_OPERATIONS = [
  ['STATISTICS', 'Statistics'],
  ['LANGUAGE', 'Language'],
  ['SENTIMENT', 'Sentiment'],
  ['KEYWORDS', 'Keywords'],
  ['TOPICS', 'Topics'],
  ['ENTITIES', 'Entities'],
  ['SUMMARY', 'Summary'],
] as const;

/** All documents, for `npm run check`. */
export const DOCUMENTS = {
  BATCHES,
  BATCHES_BY_ID,
  BATCH_ITEMS,
  ANALYSIS,
  ANALYSIS_HISTORY,
  RECENT,
  EVENTS,
  METRICS,
  HEALTH,
  QUEUE,
  PAUSE_QUEUE,
  RESUME_QUEUE,
  CANCEL_BATCH,
  RETRY_BATCH,
  CANCEL_ANALYSIS,
  RETRY_ANALYSIS,
  SUBMIT,
  SUBMIT_BATCH,
};
