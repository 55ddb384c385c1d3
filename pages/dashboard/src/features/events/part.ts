/** The part of the log, and its types, from the address. */
import { rangeSeconds, statuses, type Query } from '../../data/lists';
import type { Part } from '../../data/log';
import type { EventType } from '../../data/gql/graphql';
import type { EventFilter, LogEvent } from '../../data/operations';

/** All types, in the order of the menu. */
export const TYPES = Object.keys({
  ANALYSIS_QUEUED: 0,
  ANALYSIS_STARTED: 0,
  ANALYSIS_PROGRESS: 0,
  ANALYSIS_RETRYING: 0,
  ANALYSIS_COMPLETED: 0,
  ANALYSIS_FAILED: 0,
  ANALYSIS_CANCELED: 0,
  ANALYSIS_TIMED_OUT: 0,
  ANALYSIS_DELETED: 0,
  BATCH_STARTED: 0,
  BATCH_PROGRESS: 0,
  BATCH_COMPLETED: 0,
  BATCH_CANCELED: 0,
  BATCH_TIMED_OUT: 0,
  BATCH_DELETED: 0,
  BULK_ACTION_PROGRESS: 0,
  BULK_ACTION_ENDED: 0,
  ALERT: 0,
  QUEUE_CHANGED: 0,
} satisfies Record<EventType, 0>) as EventType[];

/** The types of `EventFilter.problemsOnly`. A retry by the server is one: it has the error of the attempt before. */
const PROBLEMS: ReadonlySet<string> = new Set(['ANALYSIS_FAILED', 'ANALYSIS_TIMED_OUT', 'ANALYSIS_RETRYING', 'BATCH_TIMED_OUT', 'ALERT']);

/** Whether the event is a problem itself. The alert of a recovery has the same type. */
export const isProblem = ({ type, health }: LogEvent) => PROBLEMS.has(type) && health !== 'HEALTHY';

/** Returns the check for the events to show. Of the problems, the server also sends the recoveries. */
export function shownOf(types: ReadonlySet<string>, problems: string | undefined): (event: LogEvent) => boolean {
  return (event) => types.has(event.type) && (!problems || isProblem(event));
}

const USUAL: readonly string[] = TYPES.filter((type) => !/_(STARTED|PROGRESS)$/.test(type));

/** Returns the types to show: without a parameter all but the starts and the progress. */
export function typesOf(text: string | undefined): ReadonlySet<string> {
  if (!text) return new Set(USUAL);
  return new Set(text === 'all' ? TYPES : statuses(text, TYPES));
}

/** Returns the parameter for these types. */
export function nameOf(types: ReadonlySet<string>): string | null {
  if (types.size === TYPES.length) return 'all';
  if (types.size === 0) return 'none';
  return types.size === USUAL.length && USUAL.every((type) => types.has(type)) ? null : TYPES.filter((type) => types.has(type)).join(',');
}

/** The whole history, also if a clock is wrong: all seconds since long before the first event. */
const ALWAYS = 1e10;
const DAY = 86_400;

/** The beginning without a parameter: the whole history of one object, a day of problems, or the last few events. */
export const usualSince = ({ subject, problems }: Query) => (subject ? 'all kept events' : problems ? 'last 24 h' : 'last few');

export function partOf(query: Query): Part {
  const filter: EventFilter = {};
  const subject = query.subject?.replace(/\p{C}/gu, '').trim();
  if (subject) filter[/^batch_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(subject) ? 'batchId' : 'subjectId'] = subject;
  if (query.problems) filter.problemsOnly = true;
  const since = rangeSeconds(query.since) ?? (subject ? ALWAYS : query.problems ? DAY : null);
  return { filter: Object.keys(filter).length ? filter : null, since };
}
