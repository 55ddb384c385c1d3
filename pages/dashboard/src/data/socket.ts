/**
 * The app's only WebSocket, for subscriptions, and the state of its connection.
 *
 * After a loss it reconnects without limit, after 0.25 to 2 seconds with full jitter, later up to 10, and resends the
 * subscriptions.
 */
import { createClient, type ExecutionResult } from 'graphql-ws/client';
import { GRAPHQL } from './address';
import { now } from './clock';
import { sessions } from './session';
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

export const connection = new Store<Connection>({ state: 'connecting' });
/** The time of the next attempt to connect, by this machine's clock, or null. */
export const nextAttempt = new Store<number | null>(null);
/** Called at each new connection, including the first. */
export const onConnected = new Set<(again: boolean) => void>();

let socket: WebSocket | undefined;
let overdue: ReturnType<typeof setTimeout> | undefined;
let isOpen = false;
let connections = 0;
/** The time of the last message, by the page's clock and by the server's. */
let heardAt = performance.now();
let heardAtServer: number | undefined;
let isSilenceExpected = false;
let hurry: () => void = () => undefined;

/** The number of attempts, about half a minute, within which a server that was started again is soon found. */
const EAGER = 25;

const delay = (retries: number) => 250 + Math.random() * Math.min(retries < EAGER ? 2_000 : 10_000, 250 * 2 ** Math.min(retries, 10));
const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

function untilNextAttempt(retries: number): Promise<void> {
  const milliseconds = delay(retries);
  nextAttempt.set(Date.now() + milliseconds);
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    hurry = () => {
      clearTimeout(timer);
      done();
    };
  });
}

/** Ends the wait before the next attempt to connect. */
export const tryNow = () => hurry();

/** Whether there was a connection, and there is none now. */
export const isLost = () => connections > 0 && !isOpen;

/** Waits until a lost connection is back. */
export function connected(): Promise<void> {
  if (!isLost()) return Promise.resolve();
  return new Promise((done) => {
    const listener = () => {
      onConnected.delete(listener);
      done();
    };
    onConnected.add(listener);
  });
}

function judge(): void {
  if (heardAtServer === undefined) return; // still connecting
  const before = connection.value;
  const silent = !isSilenceExpected && performance.now() - heardAt > SILENCE_MS;
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

/** While nothing regular is subscribed, as in a hidden tab, silence says nothing. At its end, a lost connection is tried again. */
export function expectSilence(isExpected: boolean): void {
  isSilenceExpected = isExpected;
  if (isExpected) return;
  if (isOpen) heardAt = performance.now();
  else hurry();
}

const address = new URL(GRAPHQL);
address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';

let authorization: string | undefined;

async function parameters(): Promise<Record<string, string>> {
  const headers = await sessions.headers();
  authorization = headers['Authorization'];
  const workspace = headers['X-Assay-Workspace'];
  return { ...(authorization && { authorization }), ...(workspace && { workspace }) };
}

const client = createClient({
  url: address.href,
  connectionParams: parameters,
  connectionAckWaitTimeout: 10_000,
  keepAlive: 10_000,
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: async (retries) => {
    await untilNextAttempt(retries);
    await sessions.headers(); // nobody may be signed in
  },
  on: {
    // A connection can be dead without being closed: then the pong is missing.
    ping: (received) => {
      const close = () => socket?.close(4408, 'Request Timeout');
      // While the page was busy, the pong may wait behind this timer: it is heard before the second one.
      if (!received) overdue = setTimeout(() => (overdue = setTimeout(close, 250)), PONG_MS);
    },
    pong: (received) => {
      if (received) clearTimeout(overdue);
    },
    opened: (opened) => {
      socket = opened as WebSocket;
    },
    connected: () => {
      isOpen = true;
      nextAttempt.set(null);
      const again = connections++ > 0;
      if (again) {
        heardAt = performance.now(); // the server has just answered
        judge();
      }
      for (const listener of onConnected) listener(again);
    },
    message: () => {
      if (!isOpen) return;
      heardAt = performance.now();
      heardAtServer = now();
      if (connection.value.state !== 'live') judge();
    },
    closed: (event) => {
      clearTimeout(overdue);
      if ([4401, 4403].includes((event as CloseEvent).code)) sessions.refused(authorization);
      isOpen = false;
      judge();
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
  const again = async () => {
    await pause(delay(failures++));
    await sessions.headers();
    begin();
  };
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
          void again();
        },
        complete: () => {
          if (stopped) return;
          if (!refusal && options.ended) options.ended();
          else if (!refusal || options.refused?.(refusal) !== 'stop') void again();
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
