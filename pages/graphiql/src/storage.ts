/**
 * The browser's storage for GraphiQL's tabs, history and settings. Headers are never stored, because they can have a token, and
 * GraphiQL's history would keep them permanently. In a narrow window, the page opens without the last panel, which would cover
 * the editor.
 */
import type { Storage } from '@graphiql/toolkit';
import { isNarrow } from './narrow';

const PREFIX = 'graphiql:';

function withoutHeaders(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value, (name, field: unknown) => (name === 'headers' ? null : field)));
  } catch {
    return value; // a query, a theme: not JSON
  }
}

const NOTHING: Storage = { getItem: () => null, setItem: () => {}, removeItem: () => {}, clear: () => {}, length: 0 };

export function storage(): Storage {
  let kept: globalThis.Storage;
  try {
    kept = localStorage;
  } catch {
    return NOTHING; // the browser has no storage for this page
  }
  const names = () => Object.keys(kept).filter((name) => name.startsWith(PREFIX));
  return {
    getItem: (name) => (name === `${PREFIX}visiblePlugin` && isNarrow() ? '' : kept.getItem(name)),
    setItem: (name, value) => {
      if (name !== `${PREFIX}headers`) kept.setItem(name, withoutHeaders(value));
    },
    removeItem: (name) => kept.removeItem(name),
    clear: () => names().forEach((name) => kept.removeItem(name)),
    get length() {
      return names().length;
    },
  };
}
