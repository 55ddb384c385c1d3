/**
 * Resumable subscriptions, and the state of the page's connection.
 *
 * graphql-ws and graphql-sse reconnect without limit and then send each subscription's payload again, the same object. A
 * subscription that stores each event's cursor in its variable `after` therefore resumes after the last event, without gaps or
 * duplicates.
 */
export interface Status {
  state: 'connecting' | 'live' | 'reconnecting';
  /** Events since the page was opened. */
  events: number;
  /** After a lost connection: the cursor after which the events resumed, and the number of events since. */
  resumed: { behind: string; events: number } | null;
}

let status: Status = { state: 'connecting', events: 0, resumed: null };
let newest: string | null = null;
const statusListeners = new Set<() => void>();
const changeListeners = new Set<() => void>();

/** The two arguments of React's useSyncExternalStore. */
export const getStatus = () => status;
export const onStatus = (listener: () => void) => listen(statusListeners, listener);

/** Calls the listener after each event, at each connection, and at each call of `changed`. */
export const onChange = (listener: () => void) => listen(changeListeners, listener);
export const changed = () => changeListeners.forEach((listener) => listener());

function listen(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function tell(change: Partial<Status>): void {
  status = { ...status, ...change };
  statusListeners.forEach((listener) => listener());
}

export function connected(again: boolean): void {
  tell({ state: 'live', ...(again && newest && { resumed: { behind: newest, events: 0 } }) });
  changed();
}

export function lost(): void {
  if (status.state === 'live') tell({ state: 'reconnecting' });
}

function noteEvent(cursor: string): void {
  newest = cursor;
  const { events, resumed } = status;
  tell({ events: events + 1, resumed: resumed && { ...resumed, events: resumed.events + 1 } });
  changed();
}

/** Notes that the events could not resume. */
export function restarted(): void {
  newest = null;
  tell({ resumed: null });
}

interface Payload {
  query: string;
  variables?: Record<string, unknown> | null | undefined;
}
interface Sink {
  next: (result: any) => void;
  error: (error: unknown) => void;
  complete: () => void;
}
type Stop = () => void;

/** Returns a client's `subscribe` that updates the variable `after` with each event. */
export function resumable(subscribe: (payload: { query: string; variables: Record<string, unknown> }, sink: Sink) => Stop) {
  return (payload: Payload, sink: Sink): Stop => {
    const variables: Record<string, unknown> = { ...payload.variables };
    const next: Sink['next'] = (result) => {
      const cursor: unknown = result.data?.events?.cursor;
      sink.next(result);
      if (!('after' in variables) || typeof cursor !== 'string') return;
      variables['after'] = cursor;
      noteEvent(cursor);
    };
    return subscribe({ ...payload, variables }, { ...sink, next });
  };
}

export const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

/** The pause before another attempt. It is random, so that not all clients reconnect to a restarted server at once. */
export const backoff = (retries: number) => pause(250 + Math.random() * Math.min(10_000, 250 * 2 ** retries));

let turn: Promise<unknown> = Promise.resolve();
/** Runs jobs one after the other, so that an older response never replaces a newer one. */
export function inTurn<T>(job: () => Promise<T>): Promise<T> {
  const mine = turn.then(job);
  turn = mine.catch(() => undefined);
  return mine;
}

/**
 * Returns a function that schedules `read` after an event: at most four times a second, always once more after the last event,
 * and again after a failure, once the server is back. Events report changes and queries read the state, so the page is never
 * older than the last event.
 */
export function soon(read: () => Promise<unknown>): () => void {
  let wanted = false;
  let running = false;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      do await pause(250);
      while (status.state !== 'live');
      wanted = false;
      await inTurn(read).catch(() => (wanted = true));
    }
    running = false;
  };
}
