/** The unsent form, kept in the browser. A draft beyond the browser's limit is not kept. */
import { useEffect, useRef } from 'preact/hooks';
import { isObject, isText, isTexts } from '../../data/shape';
import type { Format } from './items';
import type { Entries, Entry } from './schema';

const STORED = 'assay.new';
const SAVE_MS = 300;

export interface Settings {
  name: string;
  priority: string;
  timeoutSeconds: string;
  maxAttempts: string;
}

export interface Draft {
  /** The analyzer that was chosen last. */
  analyzer: string;
  /** The entries of each analyzer's form, by its name. */
  entries: Record<string, Entries>;
  settings: Settings;
  /** The text of many items, pasted or from a file. */
  many: { text: string; format: Format; file: string | null };
}

const EMPTY: Draft = {
  analyzer: 'text',
  entries: {},
  settings: { name: '', priority: '5', timeoutSeconds: '300', maxAttempts: '3' },
  many: { text: '', format: 'lines', file: null },
};

const FORMATS: readonly unknown[] = ['lines', 'csv', 'jsonl'] satisfies Format[];

const isEntry = (value: unknown): value is Entry => isText(value) || typeof value === 'boolean' || isTexts(value);
const isEntries = (value: unknown): value is Entries => isObject(value) && Object.values(value).every(isEntry);
const isMany = (value: unknown): value is Draft['many'] =>
  isObject(value) && isText(value.text) && FORMATS.includes(value.format) && (value.file === null || isText(value.file));

/** The parts of a kept text that suit the form. Another version of the page or another program may have written it. */
export function draftOf(kept: unknown): Draft {
  const { analyzer, entries, settings, many } = isObject(kept) ? kept : {};
  const only = <T>(value: unknown, check: (each: unknown) => each is T) =>
    Object.fromEntries(Object.entries(isObject(value) ? value : {}).filter((pair): pair is [string, T] => check(pair[1])));
  return {
    analyzer: isText(analyzer) ? analyzer : EMPTY.analyzer,
    entries: only(entries, isEntries),
    settings: { ...EMPTY.settings, ...only(settings, isText) },
    many: isMany(many) ? many : { ...EMPTY.many },
  };
}

export function read(): Draft {
  try {
    return draftOf(JSON.parse(localStorage.getItem(STORED) ?? 'null'));
  } catch {
    return draftOf(null);
  }
}

export function keep(draft: Draft): void {
  try {
    localStorage.setItem(STORED, JSON.stringify(draft));
  } catch {
    // The browser keeps nothing for this page, or the draft is too large.
  }
}

/** Keeps the draft soon after each change, and when the page is left. */
export function useKept(draft: Draft): void {
  const newest = useRef(draft);
  const isStale = useRef(false);
  useEffect(() => {
    isStale.current = newest.current !== draft;
    newest.current = draft;
    const timer = setTimeout(save, SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  const save = () => {
    if (isStale.current) keep(newest.current);
    isStale.current = false;
  };
  useEffect(() => {
    addEventListener('pagehide', save);
    return () => {
      removeEventListener('pagehide', save);
      save();
    };
  }, []);
}
