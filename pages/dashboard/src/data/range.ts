/** The time range of figures, in the address as `range`, and the steps of a history in columns of equal length. */
import type { HistoryRange } from './gql/graphql';
import type { Query } from './lists';

export interface Range {
  name: string;
  words: string;
  of: HistoryRange;
  seconds: number;
  /** The steps of the history in one column of a chart, so that there are about 90. */
  steps: number;
  /** Seconds after which the history is read again. */
  renewal: number;
}

export const RANGES: readonly [Range, ...Range[]] = [
  { name: '15min', words: '15 min', of: 'LAST_15_MINUTES', seconds: 900, steps: 2, renewal: 5 },
  { name: '24h', words: '24 h', of: 'LAST_24_HOURS', seconds: 86_400, steps: 3, renewal: 15 },
  { name: '30d', words: '30 d', of: 'LAST_30_DAYS', seconds: 2_592_000, steps: 4, renewal: 60 },
];

export const rangeOf = (query: Query): Range => RANGES.find(({ name }) => name === query.range) ?? RANGES[0];

/** Several steps of a history: their figures, and whether a server ran in one of them. */
export interface Column<P> {
  /** The start, in milliseconds since the epoch. */
  at: number;
  points: P[];
  isKnown: boolean;
}

/** Returns the points in columns. A column begins at a multiple of its length, so that it stays when the range moves on. */
export function columns<P extends { at: string; queued?: number | null | undefined }>(points: readonly P[], stepSeconds: number, steps: number): Column<P>[] {
  const length = stepSeconds * steps * 1000;
  const found = new Map<number, P[]>();
  for (const point of points) {
    const at = Math.floor(Date.parse(point.at) / length) * length;
    found.set(at, [...(found.get(at) ?? []), point]);
  }
  return [...found].map(([at, points]) => ({ at, points, isKnown: points.some(({ queued }) => queued != null) }));
}

type Value = number | null | undefined;

/** Returns the sum of the known values, or null without one. */
export function sum(values: readonly Value[]): number | null {
  const known = values.filter((value): value is number => value != null);
  return known.length ? known.reduce((all, value) => all + value, 0) : null;
}

export function most(values: readonly Value[]): number | null {
  const known = values.filter((value): value is number => value != null);
  return known.length ? Math.max(...known) : null;
}

/** Returns the last known value: a level is that at the end. */
export const last = (values: readonly Value[]): number | null => values.findLast((value) => value != null) ?? null;
