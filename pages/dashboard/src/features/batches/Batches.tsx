/** The list of batches: filter, order, pages by cursor, live rows. Its state is in the address. */
import { useQuery } from '@urql/preact';
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href } from '../../data/address';
import { client, messageOf, query as ask } from '../../data/client';
import { count, now } from '../../data/clock';
import { BatchesDocument, BatchRowsDocument, NewerBatchesDocument } from '../../data/gql/graphql';
import { changed, position, statuses, useQueryState, type Query } from '../../data/lists';
import { isAtRest } from '../../ui/AnalysisTable';
import { PageHead } from '../../ui/PageHead';
import { Pager } from '../../ui/Pager';
import { Blank, Fault, Loading } from '../../ui/states';
import { Tabs } from '../../ui/Tabs';
import { sentence } from '../../ui/words';
import './batches.css';
import { BATCH_STATUSES, filterOf, orderOf, PARAMETERS } from './filter';
import { Filters } from './Filters';
import { useBatchKeys } from './keys';
import { useLiveBatches } from './live';
import { Row } from './Row';

const PAGE = 50;
const HEADINGS: [string, string][] = [
  ['st', 'Status'],
  ['what', 'Name'],
  ['out', 'Items'],
  ['number lost', 'Failed'],
  ['wide number', 'Rate'],
  ['number time', 'Time'],
  ['number when', 'Created'],
];

/** The tabs show the count of the current one. */
function StatusTabs({ query, total }: { query: Query; total: number | undefined }) {
  const chosen = query.status ?? '';
  const known = chosen === '' || BATCH_STATUSES.some((each) => each === chosen);
  return (
    <Tabs
      label="Status"
      tabs={['', ...BATCH_STATUSES].map((status) => ({
        name: status ? sentence(status) : 'All',
        href: href('batches', changed(query, { status })),
        isCurrent: known && chosen === status,
        count: chosen === status && total !== undefined ? count(total) : undefined,
      }))}
    />
  );
}

export default function Batches() {
  const query = useQueryState();
  const { route } = useLocation();
  const [newer, setNewer] = useState(0);
  const table = useRef<HTMLDivElement>(null);
  const key = JSON.stringify(query);
  const variables = useMemo(() => ({ filter: filterOf(query, now()), orderBy: orderOf(query), ...position(query, PAGE) }), [key]);
  const [{ data, error, fetching }, execute] = useQuery({ query: BatchesDocument, variables, requestPolicy: 'cache-and-network' });
  const again = () => execute({ requestPolicy: 'network-only' });

  const list = data?.batches;
  const batches = list?.nodes ?? [];
  const newest = data?.newest.pageInfo.startCursor;
  const isNewestFirst = !query.after && !query.before && !variables.orderBy;
  const showNewer = () => {
    setNewer(0);
    if (!query.after && !query.before) again();
    else route(href('batches', changed(query, {})));
  };
  const added = () => {
    if (!newest) return again();
    const asked = { filter: variables.filter, before: newest };
    void client
      .query(NewerBatchesDocument, asked, { requestPolicy: 'network-only' })
      .toPromise()
      .then(({ data }) => {
        const found = data?.batches.nodes.length ?? 0;
        if (found && isNewestFirst && isAtRest(table.current, 0)) again();
        else setNewer(found);
      });
  };
  useLiveBatches({ batches, end: data?.eventsEnd, read: (ids) => ask(BatchRowsDocument, { ids }), again, added });
  useEffect(() => setNewer(0), [key, newest]);
  useBatchKeys(showNewer);

  const wanted = statuses(query.status, BATCH_STATUSES);
  const isFiltered = PARAMETERS.some((name) => query[name]);
  return (
    <>
      <PageHead title="Batches">
        <a class="button primary" href={href('new')}>
          New batch
        </a>
      </PageHead>
      <StatusTabs query={query} total={list?.totalCount} />
      <Filters query={query} newer={newer} showNewer={showNewer} />
      {error && <Fault message={`The list could not be read. ${messageOf(error)}`} again={again} />}
      {!list && !error && <Loading />}
      {list && batches.length === 0 && (
        <Blank>
          {query.after || query.before ? (
            <>
              Nothing on this page. <a href={href('batches', changed(query, {}))}>First page</a>
            </>
          ) : isFiltered ? (
            <>
              No batch matches. <a href={href('batches')}>Clear filters</a>
            </>
          ) : (
            <>
              No batch yet. <code>make demo</code> submits one of 1,000 texts, which appears here at once. <a href={href('new')}>New batch</a>
            </>
          )}
        </Blank>
      )}
      {list && batches.length > 0 && (
        <>
          <div ref={table} class="card sheet batches" role="region" aria-label="Batches" tabIndex={0} aria-busy={fetching}>
            <table>
              <thead>
                <tr>
                  {HEADINGS.map(([name, text]) => (
                    <th key={text} scope="col" class={name}>
                      {text}
                    </th>
                  ))}
                  <th class="act">
                    <span class="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {batches.map((batch) => (
                  <Row key={batch.id} batch={batch} matches={wanted.length === 0 || wanted.includes(batch.status)} />
                ))}
              </tbody>
            </table>
          </div>
          <Pager path="batches" query={query} size={PAGE} shown={batches.length} total={list.totalCount} info={list.pageInfo} />
        </>
      )}
    </>
  );
}
