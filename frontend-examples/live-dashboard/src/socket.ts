/** One WebSocket for all subscriptions (graphql-transport-ws), which comes back by itself. */
import { createClient } from 'graphql-ws';
import { backoff, connected, lost, resumable } from './live';

const PONG_MS = 5_000;

export function openSocket() {
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: () => `${location.origin.replace(/^http/, 'ws')}/graphql`,
    lazy: false, // so that its status is true while nothing is subscribed, too
    shouldRetry: () => true, // also where the server is away at the start
    retryAttempts: Infinity,
    retryWait: backoff,
    keepAlive: 10_000,
    on: {
      connected: (_socket, _payload, again) => connected(again),
      closed: () => {
        clearTimeout(overdue);
        lost();
      },
      // A connection can be dead without having been closed: its pong does not come.
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
