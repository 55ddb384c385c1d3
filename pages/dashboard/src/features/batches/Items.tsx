/** The items of a batch: their number by status as tabs, filter, pages by cursor, live rows, selection. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { href } from '../../data/address';
import { count } from '../../data/clock';
import type { AnalysisRowFragment, BatchDetailFragment, BatchQuery } from '../../data/gql/graphql';
import { changed, statuses, type Query } from '../../data/lists';
import { useLiveRows } from '../../data/live';
import { STATUSES } from '../../data/rules';
import { AnalysisTable, isAtRest } from '../../ui/AnalysisTable';
import { Bulk } from '../../ui/Bulk';
import { Newer, SearchBox } from '../../ui/filters';
import { Icon } from '../../ui/Icon';
import { useListKeys } from '../../ui/listKeys';
import { Pager } from '../../ui/Pager';
import { Blank } from '../../ui/states';
import { Tabs } from '../../ui/Tabs';
import { clip, sentence } from '../../ui/words';
import { ITEM_PARAMETERS } from './filter';

export const PAGE = 50;

function countsOf(batch: BatchDetailFragment): Record<string, number> {
  const { queued, running, processed, failed, canceled, timedOut } = batch;
  return { QUEUED: queued, RUNNING: running, COMPLETED: processed, FAILED: failed, CANCELED: canceled, TIMED_OUT: timedOut };
}

interface Props {
  batch: BatchDetailFragment;
  /** Undefined if the server has refused it. */
  list: BatchQuery['analyses'] | undefined;
  end: string | undefined;
  query: Query;
  isBusy: boolean;
  again: () => void;
  /** A fault, above the rows. */
  children: ComponentChildren;
}

/** Why a page has no rows. */
function None({ path, query }: { path: string; query: Query }) {
  if (query.after || query.before) {
    return (
      <>
        Nothing on this page. <a href={href(path, changed(query, {}))}>First page</a>
      </>
    );
  }
  if (!ITEM_PARAMETERS.some((name) => query[name])) return <>No item yet.</>;
  return (
    <>
      No item matches. <a href={href(path)}>Clear filters</a>
    </>
  );
}

export function Items({ batch, list, end, query, isBusy, again, children }: Props) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const table = useRef<HTMLDivElement>(null);
  const path = `batches/${batch.id}`;
  const nodes = list?.nodes ?? [];
  const live = useLiveRows(nodes, end, again, () => undefined);
  const rows = nodes.map(live.current);
  const counts = countsOf(batch);
  const wanted = statuses(query.status, STATUSES);
  const matches = (row: AnalysisRowFragment) => wanted.length === 0 || wanted.includes(row.status);
  const chosen = rows.filter(({ id }) => selected.has(id));
  const key = JSON.stringify(query);
  useEffect(() => setSelected(new Set()), [key]);

  // Items that have come into the list since it was read, unless a text or an error is part of the filter.
  const expected = wanted.length ? wanted.reduce((sum, status) => sum + counts[status]!, 0) : batch.totalItems;
  const isCounted = !query.q && !query.error;
  const missing = list && isCounted ? Math.max(0, expected - list.totalCount + rows.filter((row) => !matches(row)).length) : 0;
  useEffect(() => {
    if (missing && isAtRest(table.current, selected.size)) again();
  }, [missing, expected]);
  useListKeys({ showNewer: again });

  const group = batch.errorGroups.find(({ fingerprint }) => fingerprint === query.error);
  const tabs = ['', ...STATUSES.filter((status) => counts[status] || status === query.status || status === 'COMPLETED' || status === 'FAILED')];
  return (
    <>
      <h2 class="hidden">Items</h2>
      <Tabs
        label="Status of items"
        tabs={tabs.map((status) => ({
          name: status ? sentence(status) : 'All',
          href: href(path, changed(query, { status })),
          isCurrent: (query.status ?? '') === status,
          count: count(status ? counts[status]! : batch.totalItems),
        }))}
      />
      {chosen.length > 0 ? (
        <Bulk rows={chosen} clear={() => setSelected(new Set())} />
      ) : (
        <div class="filters">
          <SearchBox label="Words of the input" path={path} query={query} />
          {query.error && (
            <a class="button token" href={href(path, changed(query, { error: null }))} aria-label="Remove the filter Error">
              Error <b dir="auto">{clip(group?.message ?? 'of another batch', 40)}</b>
              <Icon name="cross" />
            </a>
          )}
          <Newer count={missing} show={again} />
        </div>
      )}
      {children}
      {rows.length === 0 || !list ? (
        <Blank>{list ? <None path={path} query={query} /> : <a href={href(path)}>Clear filters</a>}</Blank>
      ) : (
        <>
          <AnalysisTable label="Items" rows={rows} selected={selected} select={setSelected} matches={matches} isBusy={isBusy} box={table} without={['batch']} />
          <Pager path={path} query={query} size={PAGE} shown={rows.length} total={list.totalCount} info={list.pageInfo} words={['Previous', 'Next']} />
        </>
      )}
    </>
  );
}
