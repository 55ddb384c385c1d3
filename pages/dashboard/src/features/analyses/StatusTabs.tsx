/** The tabs of the list, with the number of analyses for each status under the rest of the filter. */
import { useQuery } from '@urql/preact';
import { useEffect, useRef } from 'preact/hooks';
import { href } from '../../data/address';
import { count } from '../../data/clock';
import { AnalysisCountsDocument, type AnalysisCountsQuery, type AnalysisFilter } from '../../data/gql/graphql';
import { changed, type Query } from '../../data/lists';
import { STATUSES } from '../../data/rules';
import { Tabs } from '../../ui/Tabs';
import { sentence } from '../../ui/words';

/** Milliseconds between two readings of the numbers. */
const READ_MS = 10_000;

type Counts = AnalysisCountsQuery['analyses']['statusCounts'];

/** Reads the numbers again every ten seconds while the page is seen, and after `changes`. */
export function useCounts(filter: AnalysisFilter | null, changes: unknown): Counts | undefined {
  const [{ data }, execute] = useQuery({ query: AnalysisCountsDocument, variables: { filter }, requestPolicy: 'cache-and-network' });
  const read = useRef(execute);
  read.current = execute;
  const isFirst = useRef(true);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) read.current({ requestPolicy: 'network-only' });
    }, READ_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (!isFirst.current) read.current({ requestPolicy: 'network-only' });
    isFirst.current = false;
  }, [changes]);
  return data?.analyses.statusCounts;
}

/** Returns the number of one status, or of all, with a plus if it is larger. */
function numberOf(counts: Counts, status: string): string {
  const chosen = counts.filter((each) => status === '' || each.status === status);
  const sum = chosen.reduce((all, each) => all + each.count, 0);
  return chosen.every(({ exact }) => exact) ? count(sum) : `${count(sum)}+`;
}

export function StatusTabs({ query, counts }: { query: Query; counts: Counts | undefined }) {
  const chosen = query.status ?? '';
  const known = chosen === '' || STATUSES.some((each) => each === chosen);
  return (
    <Tabs
      label="Status"
      tabs={['', ...STATUSES].map((status) => ({
        name: status ? sentence(status) : 'All',
        href: href('analyses', changed(query, { status })),
        isCurrent: known && chosen === status,
        count: counts && numberOf(counts, status),
        isBad: status === 'FAILED' && Boolean(query.range) && Boolean(counts?.some((each) => each.status === status && each.count)),
      }))}
    />
  );
}
