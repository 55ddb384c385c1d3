import { useEffect, useState } from 'react';
import { cacheExchange, Client, fetchExchange, subscriptionExchange, useClient, useQuery, type AnyVariables, type TypedDocumentNode } from 'urql';
import { onChange, soon } from './live';
import { openSocket } from './socket';
import { openStream } from './stream';

/** The transport of subscriptions. `?transport=sse` in the page's address selects server-sent events. */
export const transport = new URLSearchParams(location.search).get('transport') === 'sse' ? 'sse' : 'ws';
const source = transport === 'sse' ? openStream() : openSocket();

export const client = new Client({
  url: '/graphql',
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({ unsubscribe: source.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

/** A query that is refetched after each event, and keeps its data while a refetch fails. */
export function useLiveQuery<Data, Variables extends AnyVariables>(query: TypedDocumentNode<Data, Variables>, variables: Variables) {
  const client = useClient();
  const [result] = useQuery({ query, variables });
  const asked = JSON.stringify(variables);
  const [kept, setKept] = useState<{ asked: string; data: Data }>();
  if (result.data && kept?.data !== result.data) setKept({ asked, data: result.data });
  useEffect(
    () =>
      onChange(
        soon(async () => {
          // urql delivers the response to all uses of this query with these variables.
          const { error } = await client.query(query, variables, { requestPolicy: 'network-only' });
          if (error) throw error;
        }),
      ),
    [client, query, asked],
  );
  return { ...result, data: result.data ?? (kept?.asked === asked ? kept.data : undefined) };
}
