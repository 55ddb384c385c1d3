/** The lists of this visit: Back restores the same rows at once, and the selection. An analysis knows its neighbors. */
import type { AnalysesQueryVariables } from '../../data/gql/graphql';

export interface Memory {
  variables: AnalysesQueryVariables;
  selected: ReadonlySet<string>;
}

const MOST = 20;
const lists = new Map<string, Memory>();

export function remember(key: string, memory: Memory): void {
  lists.delete(key);
  lists.set(key, memory);
  if (lists.size > MOST) lists.delete(lists.keys().next().value!);
}

export const remembered = (key: string) => lists.get(key);

/** The list that was seen last. */
export interface Seen {
  href: string;
  ids: readonly string[];
  /** The number of the first row, from 1, or null if unknown. */
  from: number | null;
  total: number;
}

let seen: Seen | null = null;

export function see(list: Seen): void {
  seen = list;
}

/** Returns the place of an analysis in the list that was seen last, or null. */
export function placeOf(id: string): { list: Seen; number: number | null; newer: string | undefined; older: string | undefined } | null {
  const at = seen?.ids.indexOf(id) ?? -1;
  if (!seen || at < 0) return null;
  return { list: seen, number: seen.from === null ? null : seen.from + at, newer: seen.ids[at - 1], older: seen.ids[at + 1] };
}
