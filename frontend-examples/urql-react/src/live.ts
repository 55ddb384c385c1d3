/**
 * Subscriptions that go on exactly where they were, and what the page knows of its connection.
 *
 * graphql-ws and graphql-sse connect again for ever and then send each subscription's payload again, the same object. So
 * whoever notes each event's cursor in its variable `after` resumes behind the last event that came: none is missed, none
 * comes twice.
 */
export interface Status {
  state: 'connecting' | 'live' | 'reconnecting';
  /** Events since the page was opened. */
  events: number;
  /** After a lost connection: the event behind which it went on, and how many have come since. */
  resumed: { behind: string; events: number } | null;
}

let status: Status = { state: 'connecting', events: 0, resumed: null };
let newest: string | null = null;
const statusListeners = new Set<() => void>();
const changeListeners = new Set<() => void>();

/** With `onStatus`, what React's useSyncExternalStore takes. */
export const getStatus = () => status;
export const onStatus = (listener: () => void) => listen(statusListeners, listener);

/** Calls the listener after each event, at each connection, and after whatever else the page says has `changed`. */
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

/** There was no going on from where it was. */
export function begunAnew(): void {
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

/** A client's `subscribe`, with an `after` among the variables that moves on with each event. */
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

/** Before another try; with jitter, so that a server that comes back is not met by all of its clients in the same moment. */
export const backoff = (retries: number) => pause(250 + Math.random() * Math.min(10_000, 250 * 2 ** retries));

let turn: Promise<unknown> = Promise.resolve();
/** Runs jobs one after the other, so that no answer is overtaken by a later one and then puts something old in its place. */
export function inTurn<T>(job: () => Promise<T>): Promise<T> {
  const mine = turn.then(job);
  turn = mine.catch(() => undefined);
  return mine;
}

/**
 * For what is to be read again after an event: however many come, it is read four times a second at most, always once more
 * after the last one, and again if it fails, once the server is back. Events say that something has changed, and a query says
 * what is: what is shown is never older than the last event.
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
