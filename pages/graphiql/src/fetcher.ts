/**
 * The transport of operations: queries and mutations by POST, subscriptions by graphql-transport-ws, both to `/graphql`.
 *
 * A subscription outlives its connection. `events` resumes after the last cursor if the operation has a variable `$after`;
 * other subscriptions start with the current state.
 */
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { parse, type DocumentNode } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { GRAPHQL } from './address';
import { lastCursor, remember } from './seen';
import { send, sessions, withSession } from './session';
import { getStatus, setStatus } from './status';

const MAX_RETRIES = 20; // with the pauses below, about two minutes without a server

/** The token has ended: the next connection has a new one. */
const EXPIRED = 4403;

type Headers = Record<string, string>;

/** Parses the document. GraphiQL's own copy is up to 0.1 s old, too old for a run right after a paste. */
function read(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    return undefined; // the server reports the error
  }
}

function operation(document: DocumentNode | undefined, name: string | null | undefined) {
  const all = document?.definitions.filter((definition) => definition.kind === 'OperationDefinition') ?? [];
  return all.find((definition) => definition.name?.value === name) ?? (all.length === 1 ? all[0] : undefined);
}

async function sendAny(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await send(input, init);
  } catch {
    throw new Error('The server did not respond. Is it running?');
  }
  const type = response.headers.get('content-type') ?? '';
  if (!/json|multipart/.test(type)) {
    throw new Error(`The response has status ${response.status} ${response.statusText} and type ${type || 'none'}, not JSON.`);
  }
  return response;
}

/** Sends a request, and shows its duration below the response. */
async function sendTimed(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const start = performance.now();
  setStatus({ state: 'waiting' });
  try {
    const response = await sendAny(input, init);
    setStatus({ state: 'answered', code: response.status, milliseconds: performance.now() - start });
    response
      .clone()
      .json()
      .then(remember, () => undefined); // a multipart response is not one JSON value
    return response;
  } catch (error) {
    setStatus({ state: 'failed' });
    throw error;
  }
}

function connect(headers: Headers): Client {
  const address = new URL(GRAPHQL);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  let socket: WebSocket | undefined;
  let sent: string | undefined;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  return createClient({
    url: address.href,
    lazy: true,
    connectionParams: async () => {
      const { 'X-Assay-Workspace': workspace, ...own } = await withSession(headers);
      sent = own['Authorization'];
      return { ...own, ...(workspace && { workspace }) };
    },
    connectionAckWaitTimeout: 10_000,
    keepAlive: 10_000,
    retryAttempts: MAX_RETRIES,
    shouldRetry: () => true,
    // Full jitter, from a quarter of a second to ten seconds.
    retryWait: (retries) =>
      new Promise((done) => setTimeout(done, 250 + Math.random() * Math.min(10_000, 250 * 2 ** retries))),
    on: {
      // A connection can be dead without being closed: then the pong is missing.
      ping: (received) => {
        if (!received) overdue = setTimeout(() => socket?.close(4408, 'Request Timeout'), 5_000);
      },
      pong: (received) => {
        if (received) clearTimeout(overdue);
      },
      opened: (opened) => {
        socket = opened as WebSocket;
      },
      closed: (event) => {
        clearTimeout(overdue);
        if ((event as CloseEvent).code === EXPIRED) sessions.refused(sent);
        const status = getStatus();
        if (status.state === 'live') setStatus({ ...status, state: 'reconnecting' });
      },
    },
  });
}

let open: { headers: string; client: Client } | undefined;

/** Returns the connection for all subscriptions. Headers are sent once, so changed headers need a new connection. */
function clientFor(headers: Headers): Client {
  const key = JSON.stringify(headers);
  if (open?.headers !== key) {
    void open?.client.dispose();
    open = { headers: key, client: connect(headers) };
  }
  return open.client;
}

function described(error: unknown): unknown {
  if (error instanceof CloseEvent) {
    const reason = error.reason ? `: ${error.reason}` : '';
    return new Error(`The connection for subscriptions was closed with ${error.code}${reason}.`);
  }
  return error instanceof Event ? new Error('The connection for subscriptions failed.') : error;
}

function resuming(client: Client, resumable: boolean): Client {
  const subscribe: Client['subscribe'] = (payload, sink) => {
    // graphql-ws sends this same object again after a reconnect.
    const variables = { ...payload.variables };
    let messages = 0;
    setStatus({ state: 'live', messages });
    return client.subscribe(
      { ...payload, variables },
      {
        next: (result) => {
          setStatus({ state: 'live', messages: ++messages });
          remember(result);
          const cursor = resumable && lastCursor((result.data as { events?: unknown } | null | undefined)?.events);
          if (cursor) variables['after'] = cursor;
          // The client's types leave the result's type to the caller.
          sink.next(result as never);
        },
        error: (error) => {
          setStatus({ state: 'failed' });
          sink.error(described(error));
        },
        complete: () => {
          if (getStatus().state !== 'failed') setStatus({ state: 'ended', messages });
          sink.complete();
        },
      },
    );
  };
  return { ...client, subscribe };
}

export const fetcher: Fetcher = (params, options) => {
  const headers = (options?.headers ?? {}) as Headers;
  if (params.operationName === 'IntrospectionQuery') {
    return createGraphiQLFetcher({ url: GRAPHQL, fetch: sendAny })(params, { headers });
  }
  const documentAST = read(params.query);
  const chosen = operation(documentAST, params.operationName);
  const isSubscription = chosen?.operation === 'subscription';
  const resumable = chosen?.variableDefinitions?.some((each) => each.variable.name.value === 'after') ?? false;
  const run = createGraphiQLFetcher({
    url: GRAPHQL,
    fetch: sendTimed,
    ...(isSubscription && { wsClient: resuming(clientFor(headers), resumable) }),
  });
  return run(
    { ...params, operationName: chosen?.name?.value ?? params.operationName ?? null },
    { headers, ...(documentAST && { documentAST }) },
  );
};
