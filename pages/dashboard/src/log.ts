/**
 * The event log, followed from one place on: every event once, in order, whatever becomes of the connection.
 *
 * The place is a cursor. It begins a little in the past, so that there is one before the first event comes, and after each
 * event it is that event's. A subscription that is sent again after a loss goes on behind it.
 */
import { EVENTS, RECENT, ANALYSIS_HISTORY, type EventsData, type HistoryData, type LogEvent, type Metrics, type RecentData } from './operations';
import { onConnected, query, subscribe } from './api';
import { Store } from './store';

/** As many are kept in the page; then the oldest go. */
const KEPT = 20_000;
const TRIM = 2_000;

export interface Resumption {
  /** The event behind which it went on; null while the log was empty. */
  behind: { cursor: string; type: string; occurredAt: string } | null;
  caughtUp: number;
  /** Whether what was missed is all there, and the count final. */
  done: boolean;
}

export interface Log {
  /** Oldest first. */
  events: LogEvent[];
  /** How many have ever come; the first kept one is number `total - events.length`. */
  total: number;
  /** Which log it is: another number when the server had another one than before. */
  generation: number;
  /** The first events that came on new connections. */
  resumed: Set<LogEvent>;
}

export const log = new Store<Log>({ events: [], total: 0, generation: 0, resumed: new Set() });
export const resumption = new Store<Resumption | null>(null);
export const gap = new Store<string | null>(null);

type Listener = (event: LogEvent) => void;
const listeners = new Set<Listener>();
/** Calls the listener with each event from now on, until what it gives back is called. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Since the last new connection: when each event that came was, until it is known which of them had been missed. */
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
/** Caught up on connections that were lost again before all had come. */
let before = 0;

/** Missed is what had happened by the server's first word on the new connection. What came before that word is counted. */
function count(): void {
  const { value } = resumption;
  if (!value || !awaiting) return;
  const until = caughtUpBy ?? Infinity;
  const caughtUp = before + awaiting.filter((at) => at <= until).length;
  const done = caughtUpBy !== null && awaiting.some((at) => at > until);
  if (caughtUp !== value.caughtUp || done !== value.done) resumption.set({ ...value, caughtUp, done });
  if (done) awaiting = null;
}

/** Each second's figures: the first after a reconnect tells up to when events had been missed, the fifth that it was all. */
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

/** A place in the recent past, or the first event of all, or null where the log is empty. */
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

/** Follows for as long as the page is open. */
export async function follow(): Promise<void> {
  for (;;) {
    let start: string | LogEvent | null = null;
    let wasEmpty = false;
    // An empty log has no place to go on behind: it is asked again until it has a first event.
    for (;;) {
      try {
        start = await beginning(wasEmpty);
        if (start !== null) break;
        wasEmpty = true;
      } catch {
        // The connection comes back by itself; a refusal may pass too.
      }
      await pause(500);
    }
    if (typeof start !== 'string') take(start);
    await followBehind(typeof start === 'string' ? start : start.cursor);
  }
}

/** Ends when the server says that it has no such place: it has another log than before. */
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
          gap.set(`The server has another log than before, so the feed begins anew. (${error.message})`);
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
