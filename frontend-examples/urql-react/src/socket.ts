/** One WebSocket for all subscriptions (graphql-transport-ws), which reconnects by itself. */
import { createClient } from 'graphql-ws';
import { backoff, connected, lost, resumable } from './live';

const PONG_MS = 5_000;

export function openSocket() {
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: () => `${location.origin.replace(/^http/, 'ws')}/graphql`,
    lazy: false, // so that the status is correct without subscriptions too
    shouldRetry: () => true, // also if the server is unreachable at the start
    retryAttempts: Infinity,
    retryWait: backoff,
    keepAlive: 10_000,
    on: {
      connected: (_socket, _payload, again) => connected(again),
      closed: () => {
        clearTimeout(overdue);
        lost();
      },
      // A connection can be dead without being closed: then the pong is missing.
      ping: (received) => {
        if (!received) overdue = setTimeout(() => client.terminate(), PONG_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(overdue);
      },
    },
  });
  return { ...client, subscribe: resumable(client.subscribe) };
}
