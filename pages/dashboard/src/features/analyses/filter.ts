/** The filter of the list of analyses, from its address. */
import type { AnalysisErrorCode, AnalysisFilter, AnalysisOrder } from '../../data/gql/graphql';
import { RANGES, rangeSeconds, rangeStart, searchOf, statuses, type Query } from '../../data/lists';
import { STATUSES } from '../../data/rules';
import { tagsOf } from '../../data/tags';
import { words } from '../../ui/words';

export const ERROR_CODES: readonly AnalysisErrorCode[] = [
  'ANALYZER_FAILED',
  'INPUT_UNREADABLE',
  'INPUT_TOO_LARGE',
  'UNSUPPORTED_FORMAT',
  'WORKER_LOST',
  'MEMORY_EXCEEDED',
  'TIMED_OUT',
  'CANCELED',
];

/** Parameters that also have a form with `not.`, which excludes. */
const BOTH = ['analyzer', 'key', 'tag', 'code', 'error', 'batch', 'status'] as const;

/** Parameters of the address that narrow the list. */
export const PARAMETERS: readonly string[] = ['q', 'range', 'ended', ...BOTH, ...BOTH.map((name) => `not.${name}`)];

function conditions(query: Query, prefix: '' | 'not.'): AnalysisFilter {
  const filter: AnalysisFilter = {};
  const of = (name: (typeof BOTH)[number]) => query[prefix + name] || undefined;
  const chosen = statuses(of('status'), STATUSES);
  const codes = statuses(of('code'), ERROR_CODES);
  const analyzer = of('analyzer');
  const key = of('key');
  const tags = tagsOf(of('tag'));
  if (chosen.length) filter.status = chosen;
  if (codes.length) filter.errorCode = codes;
  if (analyzer) filter.analyzer = analyzer.split(',');
  if (key) filter.key = [key];
  if (tags.length) filter.tags = tags;
  if (of('error')) filter.errorFingerprint = of('error');
  if (of('batch')) filter.batchId = of('batch');
  return filter;
}

export function filterOf(query: Query, now: number): AnalysisFilter | null {
  const filter = conditions(query, '');
  const not = conditions(query, 'not.');
  const seconds = rangeSeconds(query.range);
  const sinceEnd = rangeSeconds(query.ended);
  const search = searchOf(query.q);
  if (search) filter.search = search;
  if (seconds !== null) filter.createdAfter = rangeStart(seconds, now);
  if (sinceEnd !== null) filter.finishedAfter = rangeStart(sinceEnd, now);
  if (Object.keys(not).length) filter.not = not;
  return Object.keys(filter).length ? filter : null;
}

const ORDER_FIELDS = { created: 'CREATED_AT', took: 'PROCESSING_TIME', priority: 'PRIORITY' } as const;

/** The orders of the address, without one the newest first. */
export const ORDERS: readonly (readonly [string, string])[] = [
  ['-created', 'newest first'],
  ['created', 'oldest first'],
  ['-took', 'slowest first'],
  ['took', 'fastest first'],
  ['-priority', 'highest priority first'],
  ['priority', 'lowest priority first'],
];

/** Returns the order of the address, or null for the newest first. */
export function orderOf(query: Query): AnalysisOrder | null {
  const order = query.order ?? '';
  if (order === '-created' || !ORDERS.some(([name]) => name === order)) return null;
  const isDown = order.startsWith('-');
  return { field: ORDER_FIELDS[order.slice(isDown ? 1 : 0) as keyof typeof ORDER_FIELDS], direction: isDown ? 'DESC' : 'ASC' };
}

export interface Condition {
  /** The parameter of the address. */
  name: string;
  label: string;
  value: string;
}

const LABELS: Record<string, string> = { analyzer: 'Analyzer', key: 'Key', tag: 'Tags', code: 'Error', error: 'Error', batch: 'Batch', status: 'Status' };

/** Returns the part of a parameter that filters: without unknown statuses and codes, and without empty tags. */
function knownIn(name: (typeof BOTH)[number], given: string | undefined): string | undefined {
  if (name === 'status') return statuses(given, STATUSES).join();
  if (name === 'tag') return tagsOf(given).join(', ');
  return name === 'code' ? statuses(given, ERROR_CODES).join() : given;
}

/** Returns the conditions of the address as words, except the text and the status of a tab. `message` is that of `error`. */
export function conditionsOf(query: Query, message: string | undefined): Condition[] {
  const found: Condition[] = [];
  for (const [name, label] of [['range', 'Created'], ['ended', 'Ended']] as const) {
    const range = query[name];
    if (range && rangeSeconds(range) !== null) found.push({ name, label, value: RANGES.find(([each]) => each === range)?.[1] ?? `last ${range}` });
  }
  for (const prefix of ['', 'not.'] as const) {
    for (const name of BOTH) {
      const given = knownIn(name, query[prefix + name]);
      if (!given || (prefix === '' && name === 'status' && !given.includes(','))) continue;
      const value =
        name === 'error'
          ? (message ?? 'of one kind')
          : name === 'batch'
            ? `…${given.slice(-8)}`
            : name === 'tag'
              ? given
              : name === 'code' || name === 'status'
                ? words(given).replaceAll(',', ', ')
                : given.replaceAll(',', ', ');
      found.push({ name: prefix + name, label: LABELS[name]!, value: prefix ? `not ${value}` : value });
    }
  }
  return found;
}

/** Returns the conditions as one phrase: "failed, created in the last 24 h, analyzer not echo". */
export function phraseOf(query: Query, conditions: readonly Condition[]): string {
  const [chosen, ...others] = statuses(query.status, STATUSES);
  return [
    ...(chosen && !others.length ? [words(chosen)] : []),
    ...conditions.map(({ name, label, value }) => (name === 'range' || name === 'ended' ? `${label.toLowerCase()} in the ${value}` : name === 'batch' ? `in batch ${value}` : `${label.toLowerCase()} ${value}`)),
    ...(query.q ? [`with the words ${query.q}`] : []),
  ].join(', ');
}
