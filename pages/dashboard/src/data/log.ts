/**
 * The one subscription to the event log: each event once and in order, also across lost connections.
 *
 * Its filter is the union of the types that the mounted pages read. Each event updates the cursor; a subscription that is
 * resent after a loss resumes after it. A reader of all types begins in the past, and its conditions are the filter.
 */
import { CURSOR_AT, EVENTS, RECENT, type CursorAtData, type EventFilter, type EventsData, type LogEvent, type Metrics, type RecentData } from './operations';
import { query } from './client';
import { now } from './clock';
import { onConnected, subscribe } from './socket';
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

/** The part of the log that a reader of all types has. */
export interface Part {
  filter: EventFilter | null;
  /** The seconds before now at which it begins. Null means the recent past: the last 20 ended analyses. */
  since: number | null;
}
const RECENT_PART: Part = { filter: null, since: null };

/** What a mounted page needs of the log. */
interface Reader {
  /** The types of its events. Null means all, of a part of the log. */
  types: readonly string[] | null;
  part?: Part;
  take: (event: LogEvent) => void;
  /** Called when the server has another log than before. The reader reads its data again, and calls `startAt`. */
  restarted?: () => void;
}
const readers = new Set<Reader>();

/** The newest reader of all types. */
const ofAll = () => [...readers].findLast(({ types }) => types === null);
const keyOf = (part: Part) => `*${JSON.stringify(part)}`;

/** The union of the readers' types, in one order, as a text; "*" and the part for all, and "" without a reader. */
function union(): string {
  const reader = ofAll();
  return reader ? keyOf(reader.part ?? RECENT_PART) : [...new Set([...readers].flatMap(({ types }) => types ?? []))].sort().join(' ');
}

/** The union of the present subscription, and its end. */
let read = '';
let stop: () => void = () => undefined;

/** Calls a reader with each new event of its types. Returns a function that ends that. */
export function follow(reader: Reader): () => void {
  readers.add(reader);
  if (reader.types === null && read !== union()) void followAll(reader.part ?? RECENT_PART);
  return () => void readers.delete(reader);
}

/**
 * Follows the log after `Query.eventsEnd` of a reader's query, so that no event is missing between both. While the present
 * subscription already has all types of the readers, it continues.
 */
export function startAt(cursor: string): void {
  const wanted = union();
  if (wanted.startsWith('*') || wanted === read || !wanted) return;
  read = wanted;
  followBehind(cursor, { types: wanted.split(' ') });
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
  for (const { types, take } of readers) if (types === null || types.includes(event.type)) take(event);
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

/** Returns the cursor at which a part of the log begins. */
async function beginning({ since }: Part): Promise<string> {
  let time = new Date(since === null ? 0 : Math.max(0, now() - since * 1000)).toISOString();
  if (since === null) {
    const { ended, newest } = await query<RecentData>(RECENT, {});
    time = ended.nodes.findLast((node) => node.finishedAt !== null)?.finishedAt ?? newest.nodes[0]?.createdAt ?? time;
  }
  return (await query<CursorAtData>(CURSOR_AT, { time })).eventsCursorAt;
}

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** Follows all types of a part of the log. */
async function followAll(part: Part): Promise<void> {
  const key = keyOf(part);
  read = key;
  stop();
  stop = () => undefined;
  log.set({ events: [], total: 0, generation: log.value.generation + 1, resumed: new Set() });
  for (;;) {
    try {
      const start = await beginning(part);
      if (read === key) followBehind(start, part.filter);
      return;
    } catch {
      await pause(500); // the connection recovers by itself, and a refusal may be temporary
    }
    if (read !== key) return; // another page was opened
  }
}

/** Follows the log after a cursor. Starts over if the server does not know the cursor, because it has another log. */
function followBehind(cursor: string, filter: EventFilter | null): void {
  stop();
  const variables = { after: cursor, filter };
  const options = {
    refused: (error: Error): 'retry' | 'stop' => {
      if (!/`after`/.test(error.message)) return 'retry';
      gap.set(`The server has another event log than before: the list of events starts anew. (${error.message})`);
      resumption.set(null);
      awaiting = null;
      read = '';
      for (const { restarted } of readers) restarted?.();
      const reader = ofAll();
      if (reader) void followAll(reader.part ?? RECENT_PART);
      return 'stop';
    },
  };
  stop = subscribe<EventsData>(
    EVENTS,
    variables,
    ({ events }) => {
      variables.after = events.cursor;
      take(events);
    },
    options,
  );
}
