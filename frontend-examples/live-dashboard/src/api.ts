/** Queries, mutations and subscriptions, with the types of the generated documents. */
import type { TypedDocumentString } from './gql/graphql';
import { openSocket } from './socket';

const socket = openSocket();

/** Runs a query or mutation over HTTP. */
export async function ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
  });
  if (response.status >= 500) throw new Error(`The server does not answer (${response.status}).`);
  const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] };
  if (!data || errors) throw new Error(errors?.[0]?.message ?? 'The response has no data.');
  return data;
}

/** Starts a subscription over the WebSocket. `refused` is called with the reason if the server refuses it. */
export function watch<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  next: (data: Data) => void,
  refused: (reason: Error) => void,
): void {
  socket.subscribe(
    { query: document.toString(), variables },
    {
      next: ({ data, errors }: { data?: Data; errors?: { message: string }[] }) => {
        if (data) next(data);
        else refused(new Error(errors?.[0]?.message));
      },
      error: (error) => refused(Array.isArray(error) ? error[0] : new Error('The connection was refused.')),
      complete: () => undefined,
    },
  );
}
