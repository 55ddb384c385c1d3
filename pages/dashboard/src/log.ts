/**
 * The event log after a start cursor: each event once and in order, also across lost connections.
 *
 * The start cursor is of an event in the recent past, so that there is a cursor before the first new event. Each event updates
 * the cursor. A subscription that is resent after a loss resumes after it.
 */
import { EVENTS, RECENT, ANALYSIS_HISTORY, type EventsData, type HistoryData, type LogEvent, type Metrics, type RecentData } from './operations';
import { onConnected, query, subscribe } from './api';
import { Store } from './store';

/** The most events kept in the page. The oldest are dropped in steps of `TRIM`. */
const KEPT = 20_000;
const TRIM = 2_000;

export interface Resumption {
  /** The event after which the log resumed; null if the log was empty. */
  behind: { cursor: string; type: string; occurredAt: string } | null;
  caughtUp: number;
  /** Whether all missed events have arrived and the count is final. */
  done: boolean;
}

export interface Log {
  /** Oldest first. */
  events: LogEvent[];
  /** The number of all events received; the first kept event is number `total - events.length`. */
  total: number;
  /** Increased when the server has another log than before. */
  generation: number;
  /** The first event of each new connection. */
  resumed: Set<LogEvent>;
}

export const log = new Store<Log>({ events: [], total: 0, generation: 0, resumed: new Set() });
export const resumption = new Store<Resumption | null>(null);
export const gap = new Store<string | null>(null);

type Listener = (event: LogEvent) => void;
const listeners = new Set<Listener>();
/** Calls the listener with each new event. Returns a function that removes the listener. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The times of the events since the last new connection, until the missed ones among them are known. */
let awaiting: number[] | null = null;

function take(event: LogEvent): void {
  const { value } = log;
  value.events.push(event);
  value.total++;
  if (value.events.length > KEPT + TRIM) value.events.splice(0, TRIM);
  log.touch();
  if (awaiting) {
    if (!awaiting.length) value.resumed.add(event);
    awaiting.push(Date.parse(event.occurredAt));
    count();
  }
  for (const listener of listeners) listener(event);
}

let caughtUpBy: number | null = null;
/** The number of missed events from connections that were lost before the catch-up was complete. */
let before = 0;

/** Counts the missed events: those that occurred before the server's first figures on the new connection. */
function count(): void {
  const { value } = resumption;
  if (!value || !awaiting) return;
  const until = caughtUpBy ?? Infinity;
  const caughtUp = before + awaiting.filter((at) => at <= until).length;
  const done = caughtUpBy !== null && awaiting.some((at) => at > until);
  if (caughtUp !== value.caughtUp || done !== value.done) resumption.set({ ...value, caughtUp, done });
  if (done) awaiting = null;
}

/** Handles the figures of each second. After a reconnect, the first set the end of the missed time; the fifth end the count. */
let words = 0;
export function heardMetrics(metrics: Metrics): void {
  if (!awaiting) return;
  caughtUpBy ??= Date.parse(metrics.timestamp);
  count();
  if (++words >= 5 && resumption.value) {
    resumption.set({ ...resumption.value, done: true });
    awaiting = null;
  }
}

onConnected.add((again) => {
  if (!again) return;
  const last = log.value.events.at(-1);
  const { value } = resumption;
  const unfinished = value && !value.done ? value : null;
  before = unfinished?.caughtUp ?? 0;
  awaiting = [];
  caughtUpBy = null;
  words = 0;
  resumption.set({
    behind: unfinished?.behind ?? (last ? { cursor: last.cursor, type: last.type, occurredAt: last.occurredAt } : null),
    caughtUp: before,
    done: false,
  });
});

/** Returns a cursor in the recent past, or the first event of the log, or null if the log is empty. */
async function beginning(wasEmpty: boolean): Promise<string | LogEvent | null> {
  const recent = await query<RecentData>(RECENT);
  const ended = recent.ended.nodes.filter((node) => node.finishedAt !== null).at(-1);
  const chosen = ended ?? recent.newest.nodes[0];
  if (chosen && !wasEmpty) {
    const { analysis } = await query<HistoryData>(ANALYSIS_HISTORY, { id: chosen.id });
    const event = analysis?.events.nodes.at(ended ? -1 : 0);
    if (event) return event.cursor;
  }
  return recent.events.nodes[0] ?? null;
}

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** Follows the log while the page is open. */
export async function follow(): Promise<void> {
  for (;;) {
    let start: string | LogEvent | null = null;
    let wasEmpty = false;
    // An empty log has no cursor: the query is repeated until there is a first event.
    for (;;) {
      try {
        start = await beginning(wasEmpty);
        if (start !== null) break;
        wasEmpty = true;
      } catch {
        // The connection recovers by itself, and a refusal may be temporary.
      }
      await pause(500);
    }
    if (typeof start !== 'string') take(start);
    await followBehind(typeof start === 'string' ? start : start.cursor);
  }
}

/** Follows the log after a cursor. Ends if the server does not know the cursor, because it has another log. */
function followBehind(cursor: string): Promise<void> {
  const variables: { after: string } = { after: cursor };
  return new Promise((over) => {
    subscribe<EventsData>(
      EVENTS,
      variables,
      ({ events }) => {
        variables.after = events.cursor;
        take(events);
      },
      {
        refused: (error) => {
          if (!/`after`/.test(error.message)) return 'retry';
          gap.set(`The server has another event log than before: the feed restarted. (${error.message})`);
          log.set({ events: [], total: 0, generation: log.value.generation + 1, resumed: new Set() });
          resumption.set(null);
          awaiting = null;
          over();
          return 'stop';
        },
      },
    );
  });
}
