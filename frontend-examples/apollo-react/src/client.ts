import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { inTurn, onChange, soon } from './live';
import { openSocket } from './socket';
import { AnalysesDocument, NewestBatchDocument } from './gql/graphql';

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(openSocket()),
    new HttpLink({ uri: '/graphql' }),
  ),
  cache: new InMemoryCache({
    typePolicies: {
      // Pages are joined into one list by their cursors. Each order and filter has its own list.
      Query: { fields: { analyses: relayStylePagination(['filter', 'orderBy']) } },
      // A result has no id of its own: the selections of different queries are merged.
      Analysis: { fields: { result: { merge: true } } },
    },
  }),
});

const PAGE = 20;
export const firstPage = { query: AnalysesDocument, variables: { first: PAGE } };

/** Refetches the shown rows and the newest batch after each event. */
onChange(
  soon(() => {
    const shown = client.readQuery(firstPage)?.analyses.edges.length ?? 0;
    const first = Math.min(1000, Math.max(PAGE, shown));
    return Promise.all([
      client.query({ query: AnalysesDocument, variables: { first }, fetchPolicy: 'network-only' }),
      client.query({ query: NewestBatchDocument, fetchPolicy: 'network-only' }),
    ]);
  }),
);

/** Loads the next page, after the last row in the cache at that time. */
export function loadMore(fetchMore: (page: { variables: { first: number; after: string | null } }) => Promise<unknown>) {
  return inTurn(async () => {
    const after = client.readQuery(firstPage)?.analyses.pageInfo.endCursor ?? null;
    await fetchMore({ variables: { first: PAGE, after } });
  });
}
