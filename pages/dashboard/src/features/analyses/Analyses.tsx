/** The list of analyses: filter, status tabs, pages by cursor, live rows, selection. Its state is in the address. */
import { useQuery } from '@urql/preact';
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href } from '../../data/address';
import { client, messageOf } from '../../data/client';
import { now } from '../../data/clock';
import { AnalysesDocument, GroupOfErrorDocument, NewerAnalysesDocument, type AnalysisRowFragment } from '../../data/gql/graphql';
import { Kept } from '../../data/kept';
import { changed, firstRow, position, statuses, useQueryState } from '../../data/lists';
import { useLiveRows } from '../../data/live';
import { STATUSES } from '../../data/rules';
import { useStore } from '../../data/store';
import { AnalysisTable, isAtRest } from '../../ui/AnalysisTable';
import { isReturning } from '../../ui/arrival';
import { Api } from '../../ui/Api';
import { Bulk } from '../../ui/Bulk';
import { ColumnChoice } from '../../ui/ColumnChoice';
import { Download } from '../../ui/Download';
import { useListKeys } from '../../ui/listKeys';
import { PageHead } from '../../ui/PageHead';
import { isSize, Pager } from '../../ui/Pager';
import { Blank, Fault, Loading } from '../../ui/states';
import { Views } from '../../ui/Views';
import './analyses.css';
import { conditionsOf, filterOf, orderOf, PARAMETERS, phraseOf } from './filter';
import { Filters } from './Filters';
import { OfKey } from './OfKey';
import { remember, remembered, see } from './memory';
import { StatusTabs, useCounts } from './StatusTabs';

const pageSize = new Kept('assay.rows', 50, isSize);

/** The message of the error group that the address names. */
function useGroup(fingerprint: string | undefined): string | undefined {
  const [{ data }] = useQuery({ query: GroupOfErrorDocument, variables: { filter: { errorFingerprint: fingerprint ?? null } }, pause: !fingerprint });
  return fingerprint ? data?.errorGroups[0]?.message : undefined;
}

export default function Analyses() {
  const query = useQueryState();
  const { route } = useLocation();
  const [newer, setNewer] = useState(0);
  const table = useRef<HTMLDivElement>(null);
  const size = useStore(pageSize);
  const key = JSON.stringify([query, size]);
  const memory = useMemo(() => (isReturning() ? remembered(key) : undefined), []);
  const [selected, setSelected] = useState<ReadonlySet<string>>(memory?.selected ?? new Set());
  const shownKey = useRef(key);
  const variables = useMemo(
    () => (shownKey.current === key && memory?.variables) || { filter: filterOf(query, now()), orderBy: orderOf(query), ...position(query, size) },
    [key],
  );
  const [{ data, error, fetching }, execute] = useQuery({ query: AnalysesDocument, variables, requestPolicy: 'cache-and-network' });
  const again = () => execute({ requestPolicy: 'network-only' });

  const list = data?.analyses;
  const start = list?.pageInfo.startCursor;
  const isFirstPage = !query.after && !query.before;
  const showNewer = () => {
    setNewer(0);
    if (isFirstPage) again();
    else route(href('analyses', changed(query, {})));
  };
  const added = () => {
    if (!isFirstPage || variables.orderBy) return; // then new rows may be anywhere
    if (!start) return again();
    const asked = { filter: variables.filter, before: start };
    void client
      .query(NewerAnalysesDocument, asked, { requestPolicy: 'network-only' })
      .toPromise()
      .then(({ data }) => {
        const found = data?.analyses.nodes.length ?? 0;
        if (found && isAtRest(table.current, selected.size)) again();
        else setNewer(found);
      });
  };
  const live = useLiveRows(list?.nodes ?? [], data?.eventsEnd, again, added);
  useEffect(() => setNewer(0), [key, start]);
  useEffect(() => {
    if (shownKey.current !== key) setSelected(new Set());
    shownKey.current = key;
  }, [key]);
  useEffect(() => remember(key, { variables, selected }), [key, variables, selected]);

  const { status: _, ...others } = variables.filter ?? {};
  const counts = useCounts(Object.keys(others).length ? others : null, start);
  const message = useGroup(query.error || query['not.error']);
  const conditions = conditionsOf(query, message);
  const rows = (list?.nodes ?? []).map(live.current);
  const wanted = statuses(query.status, STATUSES);
  const matches = (row: AnalysisRowFragment) => wanted.length === 0 || wanted.includes(row.status);
  const chosen = rows.filter(({ id }) => selected.has(id));
  useEffect(() => {
    if (list) see({ href: href('analyses', query), ids: list.nodes.map(({ id }) => id), from: firstRow(query), total: list.totalCount });
  }, [list]);
  const sort = {
    order: variables.orderBy ? query.order! : '-created',
    to: (order: string) => href('analyses', changed(query, { order: order === '-created' ? null : order })),
  };
  useListKeys({ showNewer });
  return (
    <>
      <PageHead title="Analyses">
        <div class="actions">
          <Views path="analyses" query={query} />
          <ColumnChoice />
          <Download of={{ filter: variables.filter ?? null }} />
          <Api document={AnalysesDocument} variables={variables} />
        </div>
      </PageHead>
      <StatusTabs query={query} counts={counts} />
      {chosen.length > 0 ? (
        <Bulk
          rows={chosen}
          scope={{ filter: variables.filter ?? {}, total: list!.totalCount, words: phraseOf(query, conditions), query }}
          clear={() => setSelected(new Set())}
        />
      ) : (
        <Filters query={query} conditions={conditions} newer={newer} showNewer={showNewer} />
      )}
      <OfKey query={query} />
      {error && <Fault message={`The list could not be read. ${messageOf(error)}`} again={again} />}
      {!list && !error && <Loading />}
      {list && rows.length === 0 && (
        <Blank>
          {!isFirstPage ? (
            <>
              Nothing on this page. <a href={href('analyses', changed(query, {}))}>First page</a>
            </>
          ) : PARAMETERS.some((name) => query[name]) ? (
            <>
              No analysis matches. <a href={href('analyses')}>Clear filters</a>
            </>
          ) : (
            <>
              No analysis yet. <a href={href('new')}>New analysis</a>
            </>
          )}
        </Blank>
      )}
      {list && rows.length > 0 && (
        <>
          <AnalysisTable label="Analyses" rows={rows} selected={selected} select={setSelected} matches={matches} isBusy={fetching} sort={sort} box={table} />
          <Pager
            path="analyses"
            query={query}
            size={size}
            shown={rows.length}
            total={list.totalCount}
            info={list.pageInfo}
            {...(variables.orderBy && { words: ['Previous', 'Next'] as const })}
            resize={(size) => {
              pageSize.set(size);
              route(href('analyses', changed(query, {})));
            }}
          />
        </>
      )}
    </>
  );
}
