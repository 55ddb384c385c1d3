/**
 * Rows on screen, kept current by the log. An event changes its row at once; rows that ended are read again, because an event
 * has no result. The order of the rows never changes.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { query } from './client';
import { AnalysisRowsDocument, type AnalysisRowFragment } from './gql/graphql';
import { know } from './known';
import { follow, startAt } from './log';
import type { LogEvent } from './operations';
import { isOpen } from './rules';

const TYPES = ['QUEUED', 'STARTED', 'PROGRESS', 'RETRYING', 'COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT', 'DELETED'].map((each) => `ANALYSIS_${each}`);
/** Milliseconds between two drawings of changes, and the same with many events. */
const DRAW_MS = 500;
const BUSY_MS = 2_000;
const BUSY_EVENTS = 100;
/** The changes to keep of rows that are not shown: one may come into the list with a state from before its change. */
const KEPT = 1_000;

type Change = Pick<AnalysisRowFragment, 'status' | 'progress' | 'retryable' | 'cancelable'>;

interface Live {
  /** The row with what the log has said since it was read. */
  current: (row: AnalysisRowFragment) => AnalysisRowFragment;
}

/** `end` is `Query.eventsEnd` of the rows' query. `added` is called after new analyses, at most once a drawing. */
export function useLiveRows(rows: readonly AnalysisRowFragment[], end: string | undefined, again: () => void, added: () => void): Live {
  const [, draw] = useState(0);
  const changes = useRef(new Map<string, Change>());
  /** The changed rows that have ended, and were not read since. */
  const ended = useRef(new Set<string>());
  const shown = useRef(new Set<string>());
  const readEnded = useRef(() => {});
  const calls = useRef({ again, added });
  calls.current = { again, added };
  shown.current = new Set(rows.map(({ id }) => id));

  useEffect(() => {
    let events = 0;
    let isNew = false;
    let due: ReturnType<typeof setTimeout> | undefined;
    const apply = async () => {
      due = undefined;
      if (isNew) calls.current.added();
      events = 0;
      isNew = false;
      const ids = [...ended.current].filter((id) => shown.current.has(id));
      for (const id of ids) ended.current.delete(id);
      draw((count) => count + 1);
      if (!ids.length) return;
      try {
        await query(AnalysisRowsDocument, { ids });
        for (const id of ids) if (!ended.current.has(id)) changes.current.delete(id);
        draw((count) => count + 1);
      } catch {
        calls.current.again(); // the connection was lost: the list waits for it
      }
    };
    const soon = () => {
      due ??= setTimeout(() => void apply(), events > BUSY_EVENTS ? BUSY_MS : DRAW_MS);
    };
    readEnded.current = soon;
    const keep = (id: string, change: Change) => {
      changes.current.delete(id); // the newest is the last
      changes.current.set(id, change);
      if (isOpen(change.status)) ended.current.delete(id);
      else ended.current.add(id);
      for (const [old] of changes.current) {
        if (changes.current.size <= KEPT + shown.current.size) break;
        if (shown.current.has(old)) continue;
        changes.current.delete(old);
        ended.current.delete(old);
      }
    };
    const take = (event: LogEvent) => {
      events++;
      if (event.type === 'ANALYSIS_DELETED') {
        if (shown.current.has(event.subjectId)) calls.current.again();
        return;
      }
      if (event.type === 'ANALYSIS_QUEUED' && !shown.current.has(event.subjectId)) isNew = true;
      const { analysisStatus: status } = event;
      if (status) {
        const { fraction = 0, step = null } = event.progress ?? {};
        // Whether an ended one can be retried is known when its row has been read.
        keep(event.subjectId, { status, progress: { fraction, step }, retryable: false, cancelable: isOpen(status) });
      }
      if (isNew || shown.current.has(event.subjectId)) soon();
    };
    const restarted = () => {
      changes.current.clear();
      ended.current.clear();
      calls.current.again();
    };
    const forget = follow({ types: TYPES, take, restarted });
    return () => {
      forget();
      clearTimeout(due);
    };
  }, []);
  useEffect(() => {
    for (const { id, title } of rows) know(id, title);
    if (end) startAt(end);
  }, [end]);
  useEffect(() => {
    if (rows.some(({ id }) => ended.current.has(id))) readEnded.current();
  }, [rows]);
  return { current: (row) => ({ ...row, ...changes.current.get(row.id) }) };
}
