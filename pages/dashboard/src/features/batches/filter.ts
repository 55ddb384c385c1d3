/** The filters of the list of batches and of the items of one, from their addresses. */
import type { AnalysisFilter, BatchFilter, BatchOrder, BatchStatus } from '../../data/gql/graphql';
import { partOfName, rangeSeconds, rangeStart, searchOf, statuses, type Query } from '../../data/lists';
import { STATUSES } from '../../data/rules';

export const BATCH_STATUSES: readonly BatchStatus[] = ['QUEUED', 'RUNNING', 'COMPLETED', 'CANCELED', 'TIMED_OUT'];

/** Parameters of the address that narrow the list of batches, and the items of one. */
export const PARAMETERS = ['status', 'q', 'failures', 'range'] as const;
export const ITEM_PARAMETERS = ['status', 'q', 'error'] as const;

const ORDERS = new Map<string | undefined, BatchOrder>([
  ['ended', { field: 'FINISHED_AT' }],
  ['size', { field: 'TOTAL_ITEMS' }],
  ['failed', { field: 'FAILED' }],
]);

export const ORDER_NAMES: readonly [string, string][] = [
  ['ended', 'last ended'],
  ['size', 'most items'],
  ['failed', 'most failures'],
];

export function filterOf(query: Query, now: number): BatchFilter | null {
  const filter: BatchFilter = {};
  const chosen = statuses(query.status, BATCH_STATUSES);
  const seconds = rangeSeconds(query.range);
  if (chosen.length) filter.status = chosen;
  if (query.q) filter.name = partOfName(query.q);
  if (query.failures === 'yes' || query.failures === 'no') filter.withFailures = query.failures === 'yes';
  if (seconds !== null) filter.createdAfter = rangeStart(seconds, now);
  return Object.keys(filter).length ? filter : null;
}

/** Returns null for the order of the newest first. */
export const orderOf = (query: Query): BatchOrder | null => ORDERS.get(query.order) ?? null;

export function itemsOf(id: string, query: Query): AnalysisFilter {
  const filter: AnalysisFilter = { batchId: id };
  const chosen = statuses(query.status, STATUSES);
  if (chosen.length) filter.status = chosen;
  if (query.error) filter.errorFingerprint = query.error;
  if (query.q) filter.search = searchOf(query.q);
  return filter;
}
