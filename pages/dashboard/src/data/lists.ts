/** The state of a list in its address: readable parameters, which a link, a reload and Back restore. */
import { useLocation } from 'preact-iso';

export type Query = Record<string, string>;

/** Parameters that belong to one page of a list, and not to its filter. */
const POSITION = ['after', 'before', 'from'];

/** Returns the address of a list after a change of its filter, which begins on the first page. */
export function changed(query: Query, changes: Record<string, string | null>): Record<string, string | null> {
  const kept = Object.fromEntries(Object.entries(query).filter(([name]) => !POSITION.includes(name)));
  return { ...kept, ...changes };
}

/** The ranges to choose from. */
export const RANGES: readonly [string, string][] = [
  ['15min', 'last 15 min'],
  ['1h', 'last hour'],
  ['24h', 'last 24 h'],
  ['7d', 'last 7 days'],
  ['30d', 'last 30 days'],
];

const UNITS: Record<string, number> = { min: 60, h: 3_600, d: 86_400 };

/** Returns the seconds of a range such as "15min", "24h" or "7d", or null. */
export function rangeSeconds(range: string | undefined): number | null {
  const match = /^(\d{1,4})(min|h|d)$/.exec(range ?? '');
  return match && Number(match[1]) * UNITS[match[2]!]!;
}

/**
 * Returns the time at which a range began. It moves in steps of a sixtieth of the range, so that the same list has the same
 * time when it is drawn again.
 */
export function rangeStart(seconds: number, now: number): string {
  const step = (seconds * 1000) / 60;
  return new Date(Math.floor((now - seconds * 1000) / step) * step).toISOString();
}

/** The words of a status parameter, such as "FAILED,TIMED_OUT", that are in the list of known ones. */
export function statuses<T extends string>(text: string | undefined, known: readonly T[]): T[] {
  const named = new Set((text ?? '').split(','));
  return known.filter((each) => named.has(each));
}

/** The most words and characters of a search that the server takes. */
const MOST_WORDS = 10;
const MOST_CHARACTERS = 200;

/** Returns what a search sends of a typed text: the server refuses more, and a refused list shows nothing. */
export function searchOf(text: string | undefined): string {
  const words = (text ?? '').replace(/\p{Cc}/gu, ' ').split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
  return partOfName(words.join(' '));
}

/** The same of a name, of which the spaces count. */
export const partOfName = (text: string) => [...text.replaceAll('\0', '')].slice(0, MOST_CHARACTERS).join('');

export interface Position {
  first?: number;
  after?: string;
  last?: number;
  before?: string;
}

/** Returns the arguments of a connection for the page that the address names. */
export function position(query: Query, size: number): Position {
  if (query.before) return { last: size, before: query.before };
  return query.after ? { first: size, after: query.after } : { first: size };
}

/** Returns the number of a page's first row, from 1, or null if the address does not say it. */
export function firstRow(query: Query): number | null {
  if (!query.after && !query.before) return 1;
  const from = Number(query.from);
  return Number.isInteger(from) && from > 0 ? from : null;
}

export function useQueryState() {
  const { query } = useLocation();
  return query as Query;
}
