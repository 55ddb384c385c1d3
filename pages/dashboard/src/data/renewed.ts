/** Data that an open page reads again every few seconds, and at events. It is kept, so that a return to the page shows it at once. */
import type { AnyVariables, DocumentInput } from '@urql/core';
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { figures } from './client';
import { metrics } from './figures';
import { onConnected } from './socket';

const kept = new Map<string, unknown>();
/** The least time between two queries of the same data, for any number of events. */
const LEAST_MS = 1_000;

export interface Renewed<T> {
  data: T | undefined;
  /** Whether the data is of this visit, and not kept from an earlier one. */
  isFresh: boolean;
  /** The failure of the last reading. */
  error: string | null;
  again: () => void;
}

/**
 * Reads the data when the component is mounted, when `key` changes, at a new connection, each `seconds`, and after `again`. The
 * figures of each second give the time, so that a hidden tab and a lost connection cause no queries. `variables` are those of the moment.
 */
export function useRenewed<T, V extends AnyVariables>(key: string, document: DocumentInput<T, V>, variables: () => V, seconds: number): Renewed<T> {
  const [, draw] = useReducer<number, void>((count) => count + 1, 0);
  const error = useRef<string | null>(null);
  const fresh = useRef('');
  const again = useRef(() => {});
  useEffect(() => {
    let isMounted = true;
    let isBusy = false;
    let isDue = false;
    let begun = -Infinity;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      timer = undefined;
      isBusy = true;
      isDue = false;
      begun = performance.now();
      try {
        kept.set(key, await figures(document, variables()));
        error.current = null;
        fresh.current = key;
      } catch (failure) {
        error.current = (failure as Error).message;
      }
      isBusy = false;
      if (!isMounted) return;
      draw();
      if (isDue) soon();
    };
    const soon = () => {
      isDue = true;
      if (!isBusy) timer ??= setTimeout(() => void read(), Math.max(0, begun + LEAST_MS - performance.now()));
    };
    again.current = soon;
    void read();
    const forget = metrics.listen(() => {
      if (performance.now() - begun > seconds * 1000 - 500) soon();
    });
    onConnected.add(soon);
    return () => {
      isMounted = false;
      clearTimeout(timer);
      forget();
      onConnected.delete(soon);
    };
  }, [key, seconds]);
  return { data: kept.get(key) as T | undefined, isFresh: fresh.current === key, error: error.current, again: () => again.current() };
}
