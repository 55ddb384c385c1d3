/** Asking over HTTP and following events over a WebSocket, typed by the documents that `npm run codegen` makes. */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { TypedDocumentString } from './gql/graphql.js';

const url = new URL('/graphql', process.env['ASSAY_URL'] ?? 'http://127.0.0.1:8000').href;

/** Waits up to ten seconds before another try, with jitter: a server that comes back is not met by all in one moment. */
function backoff(retries: number): Promise<void> {
  console.error(`No answer from ${url}: trying again`);
  return pause(250 + Math.random() * Math.min(10_000, 250 * 2 ** retries));
}

/** Asks until there is an answer. A mutation needs an idempotency key, since it may have been done and its answer lost. */
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
      if (!data || errors) throw new Error(errors?.[0]?.message ?? 'The answer has no data.');
      return data;
    }
    await backoff(retries);
  }
}

/**
 * Calls `take` with each event behind `variables.after`, once and in order, until it returns true.
 *
 * After a lost connection graphql-ws sends the same payload again. So whoever moves its `after` on with each event resumes
 * behind the last one that came.
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
