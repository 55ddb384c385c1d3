/** Requests over HTTP and events over a WebSocket, with the types of the generated documents. */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { TypedDocumentString } from './gql/graphql.js';

const url = new URL('/graphql', process.env['ASSAY_URL'] ?? 'http://127.0.0.1:8000').href;

/** Waits up to ten seconds before another attempt. The pause is random, so that not all clients reconnect at once. */
function backoff(retries: number): Promise<void> {
  console.error(`No response from ${url}: trying again`);
  return pause(250 + Math.random() * Math.min(10_000, 250 * 2 ** retries));
}

/** Repeats a request until the server responds. A mutation needs an idempotency key, because its response can be lost. */
export async function ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
  };
  for (let retries = 0; ; retries++) {
    const response = await fetch(url, request).catch(() => undefined);
    if (response && response.status < 500) {
      const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] };
      if (!data || errors) throw new Error(errors?.[0]?.message ?? 'The response has no data.');
      return data;
    }
    await backoff(retries);
  }
}

/**
 * Calls `take` with each event after `variables.after`, once and in order, until it returns true.
 *
 * After a lost connection graphql-ws sends the same payload again, the same object. The events therefore resume after the last
 * one, because each event updates `after`.
 */
export function follow<Data extends { events: { cursor: string } }, Variables extends { after: string }>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  take: (event: Data['events']) => boolean,
): Promise<void> {
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    shouldRetry: () => true,
    retryAttempts: Infinity,
    retryWait: backoff,
  });
  return new Promise((done, failed) => {
    client.subscribe<Data>(
      { query: document.toString(), variables },
      {
        next: ({ data, errors }) => {
          if (!data) return failed(new Error(errors?.[0]?.message));
          variables.after = data.events.cursor;
          if (take(data.events)) void Promise.resolve(client.dispose()).then(done);
        },
        error: (error) => failed(Array.isArray(error) ? new Error(error[0].message) : error),
        complete: done,
      },
    );
  });
}
