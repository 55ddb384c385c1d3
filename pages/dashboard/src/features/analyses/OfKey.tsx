/** The way from a searched text to the analyses that have it as their key: the search reads inputs alone. */
import { useQuery } from '@urql/preact';
import { href } from '../../data/address';
import { AnalysisOfKeyDocument } from '../../data/gql/graphql';
import { partOfName, type Query } from '../../data/lists';

export function OfKey({ query }: { query: Query }) {
  const key = query.key ? '' : partOfName(query.q ?? '').trim();
  const [{ data }] = useQuery({ query: AnalysisOfKeyDocument, variables: { key }, pause: !key, requestPolicy: 'cache-and-network' });
  if (!key || !data?.analyses.nodes.some((each) => each.key === key)) return null;
  return (
    <p class="of-key">
      <a href={href('analyses', { key })}>
        Show the analyses with the key <bdi>{key}</bdi>
      </a>
    </p>
  );
}
