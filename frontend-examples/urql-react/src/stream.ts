/** Subscriptions over HTTP, as server-sent events, for where something between page and server lets no WebSocket through. */
import { createClient } from 'graphql-sse';
import { backoff, connected, lost, resumable } from './live';

/** The server says something every 12 seconds, if only that it is there. */
const SILENCE_MS = 30_000;

/** A connection can be dead without having been closed: nothing comes any more. */
async function fetchUnlessSilent(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  let overdue: ReturnType<typeof setTimeout>;
  const watch = new TransformStream<Uint8Array<ArrayBuffer>>({
    transform(chunk, stream) {
      clearTimeout(overdue);
      overdue = setTimeout(() => stream.error(new Error('Nothing comes any more.')), SILENCE_MS);
      stream.enqueue(chunk);
    },
    flush: () => clearTimeout(overdue),
  });
  return new Response(response.body?.pipeThrough(watch) ?? null, response);
}

/** Each subscription is a request of its own: over HTTP/1.1 a browser has no more than six of them to one server. */
export function openStream() {
  const client = createClient({
    url: '/graphql/stream',
    fetchFn: fetchUnlessSilent,
    retryAttempts: Infinity,
    retry: backoff,
    on: {
      connecting: (again) => again && lost(),
      connected,
    },
  });
  return { subscribe: resumable(client.subscribe) };
}
