/** Subscriptions over HTTP as server-sent events, for networks that block WebSockets. */
import { createClient } from 'graphql-sse';
import { backoff, connected, lost, resumable } from './live';

/** Milliseconds without data after which the connection counts as dead. The server sends a keep-alive every 12 seconds. */
const SILENCE_MS = 30_000;

/** Fetches a stream that fails after `SILENCE_MS` without data: a connection can be dead without being closed. */
async function fetchUnlessSilent(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  let overdue: ReturnType<typeof setTimeout>;
  const watch = new TransformStream<Uint8Array<ArrayBuffer>>({
    transform(chunk, stream) {
      clearTimeout(overdue);
      overdue = setTimeout(() => stream.error(new Error('The stream is silent.')), SILENCE_MS);
      stream.enqueue(chunk);
    },
    flush: () => clearTimeout(overdue),
  });
  return new Response(response.body?.pipeThrough(watch) ?? null, response);
}

/** Each subscription is its own request: over HTTP/1.1 a browser opens at most six to one server. */
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
