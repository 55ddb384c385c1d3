/**
 * The page's only WebSocket, and the state of its connection.
 *
 * After a loss the page reconnects without limit, after 0.25 to 10 seconds with full jitter. It then resends running queries
 * and subscriptions. It never resends mutations, because the server may have executed them: they fail with a message.
 */
import { createClient, type ExecutionResult } from 'graphql-ws/client';
import { now } from './clock';
import { Store } from './store';

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'reconnecting'; since: number }
  | { state: 'stale'; since: number; open: boolean };

type Variables = Record<string, unknown>;

/** Milliseconds without a message after which the shown data counts as stale. The server sends at least one a second. */
const SILENCE_MS = 5_000;
const PONG_MS = 5_000;
/** The most bytes of a mutation's variables. The server closes the connection at a message of more than a million bytes. */
const MOST_BYTES = 950_000;

export const connection = new Store<Connection>({ state: 'connecting' });
/** Called at each new connection, including the first. */
export const onConnected = new Set<(again: boolean) => void>();

let socket: WebSocket | undefined;
let overdue: ReturnType<typeof setTimeout> | undefined;
let isOpen = false;
let connections = 0;
/** The time of the last message, by the page's clock and by the server's. */
let heardAt = performance.now();
let heardAtServer: number | undefined;
const unanswered = new Set<(reason: Error) => void>();

function backoff(retries: number): Promise<void> {
  const most = Math.min(10_000, 250 * 2 ** Math.min(retries, 10));
  return new Promise((done) => setTimeout(done, 250 + Math.random() * most));
}

function judge(): void {
  if (heardAtServer === undefined) return; // still connecting
  const before = connection.value;
  const silent = performance.now() - heardAt > SILENCE_MS;
  const since = heardAtServer;
  const next: Connection = silent
    ? { state: 'stale', since, open: isOpen }
    : isOpen
      ? { state: 'live' }
      : { state: 'reconnecting', since };
  const same = before.state === next.state && (before.state !== 'stale' || before.open === isOpen);
  if (!same) connection.set(next);
}
setInterval(judge, 500);

const address = new URL('/graphql', location.href);
address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';

const client = createClient({
  url: address.href,
  connectionAckWaitTimeout: 10_000,
  keepAlive: 10_000,
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: backoff,
  on: {
    // A connection can be dead without being closed: then the pong is missing.
    ping: (received) => {
      if (!received) overdue = setTimeout(() => socket?.close(4408, 'Request Timeout'), PONG_MS);
    },
    pong: (received) => {
      if (received) clearTimeout(overdue);
    },
    opened: (opened) => {
      socket = opened as WebSocket;
    },
    connected: () => {
      isOpen = true;
      const again = connections++ > 0;
      for (const listener of onConnected) listener(again);
    },
    message: () => {
      if (!isOpen) return;
      heardAt = performance.now();
      heardAtServer = now();
      if (connection.value.state !== 'live') judge();
    },
    closed: () => {
      clearTimeout(overdue);
      isOpen = false;
      judge();
      for (const fail of unanswered) fail(new Error('The connection was lost before the response: the server may have executed the operation.'));
      unanswered.clear();
    },
  },
});

function failure(result: ExecutionResult): Error | undefined {
  const first = result.errors?.[0];
  return first && new Error(first.message);
}

function messageOf(error: unknown): Error {
  if (error instanceof Error) return error;
  if (Array.isArray(error)) return new Error((error as { message: string }[])[0]?.message ?? 'The server refused the operation.');
  if (error instanceof CloseEvent) return new Error(`The connection was closed with ${error.code}${error.reason && `: ${error.reason}`}`);
  return new Error('The connection failed.');
}

function once<T>(document: string, variables: Variables, isMutation: boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    let answer: T | undefined;
    let wrong: Error | undefined;
    const lost = (reason: Error) => {
      reject(reason);
      stop();
    };
    const settle = (reason?: Error) => {
      unanswered.delete(lost);
      const error = reason ?? wrong;
      if (error) reject(error);
      else if (answer !== undefined) resolve(answer);
      else reject(new Error('The server ended the operation without a response.'));
    };
    const stop = client.subscribe<T>(
      { query: document, variables },
      {
        next: (result) => {
          wrong = failure(result as ExecutionResult);
          answer = result.data ?? undefined;
        },
        error: (error) => settle(messageOf(error)),
        complete: () => settle(),
      },
    );
    if (isMutation) unanswered.add(lost);
  });
}

export function query<T>(document: string, variables: Variables = {}): Promise<T> {
  return once<T>(document, variables, false);
}

export function mutate<T>(document: string, variables: Variables): Promise<T> {
  if (!isOpen) return Promise.reject(new Error('There is no connection to the server: nothing was sent.'));
  if (new TextEncoder().encode(JSON.stringify(variables)).length > MOST_BYTES) {
    return Promise.reject(new Error('The input is larger than 0.95 MB, the most that the page can send: POST it to /graphql.'));
  }
  return once<T>(document, variables, true);
}

/**
 * Starts a subscription that outlives its connection. After a loss it is resent with the current contents of `variables`: the
 * caller updates them to resume. If the server refuses the subscription, `refused` returns whether to try again, by default
 * yes. If the server completes it, it is reopened, or `ended` is called if given.
 */
export function subscribe<T>(
  document: string,
  variables: Variables,
  next: (data: T) => void,
  options: { ended?: () => void; refused?: (error: Error) => 'retry' | 'stop' } = {},
): () => void {
  let stopped = false;
  let failures = 0;
  let stop: () => void = () => undefined;
  const again = () => void backoff(failures++).then(begin);
  const begin = () => {
    if (stopped) return;
    let refusal: Error | undefined;
    stop = client.subscribe<T>(
      { query: document, variables },
      {
        next: (result) => {
          refusal = result.data ? undefined : failure(result as ExecutionResult);
          if (!result.data || stopped) return;
          failures = 0;
          next(result.data);
        },
        error: (error) => {
          if (stopped) return;
          if (Array.isArray(error) && options.refused?.(messageOf(error)) === 'stop') return;
          again();
        },
        complete: () => {
          if (stopped) return;
          if (!refusal && options.ended) options.ended();
          else if (!refusal) again();
          else if (options.refused?.(refusal) !== 'stop') again();
        },
      },
    );
  };
  begin();
  return () => {
    stopped = true;
    stop();
  };
}
