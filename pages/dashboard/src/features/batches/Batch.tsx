/** One batch, live: its outcome, its errors, its items. */
import { useQuery } from '@urql/preact';
import { useMemo } from 'preact/hooks';
import { href } from '../../data/address';
import { messageOf, query as ask } from '../../data/client';
import { BatchDetailsDocument, BatchDocument, BatchWithoutItemsDocument, type BatchDetailFragment } from '../../data/gql/graphql';
import { position, useQueryState, type Query } from '../../data/lists';
import type { PageProps } from '../../feature';
import { CopyId } from '../../ui/CopyId';
import { Download } from '../../ui/Download';
import { PageHead } from '../../ui/PageHead';
import { Blank, Fault, Loading } from '../../ui/states';
import { State } from '../../ui/State';
import { Actions } from './Actions';
import { Bar, Legend } from './Bar';
import './batches.css';
import { Facts } from './Facts';
import { itemsOf } from './filter';
import { Items, PAGE } from './Items';
import { useIsPaused, useLiveBatches } from './live';
import { paceOf, titleOf } from './words';
import { Why } from './Why';

function Head({ batch, query }: { batch: BatchDetailFragment; query: Query }) {
  const isPaused = useIsPaused();
  return (
    <>
      <PageHead
        title={titleOf(batch)}
        beside={<State of={batch.status} />}
        crumbs={
          <>
            <a href={href('batches')}>Batches</a> / <CopyId id={batch.id} />
          </>
        }
      >
        <Actions batch={batch} isHead />
        <div class="actions">
          <Download of={{ filter: itemsOf(batch.id, query) }} />
        </div>
      </PageHead>
      <section class="card life" aria-label="Outcome">
        <Bar batch={batch} />
        <div class="line">
          <Legend batch={batch} />
          <span class="pace push small quiet">{paceOf(batch, isPaused)}</span>
        </div>
      </section>
      <div class={batch.errorGroups.length ? 'sides' : 'sides alone'}>
        <Why batch={batch} chosen={query.error} />
        <Facts batch={batch} />
      </div>
    </>
  );
}

function View({ id }: { id: string }) {
  const query = useQueryState();
  const key = JSON.stringify(query);
  const variables = useMemo(() => ({ id, filter: itemsOf(id, query), ...position(query, PAGE) }), [id, key]);
  const [{ data, error, fetching }, execute] = useQuery({ query: BatchDocument, variables, requestPolicy: 'cache-and-network' });
  const again = () => execute({ requestPolicy: 'network-only' });
  // A refused list has no data, also not of the batch.
  const [{ data: alone, error: second }] = useQuery({ query: BatchWithoutItemsDocument, variables: useMemo(() => ({ id }), [id]), pause: !error || Boolean(data) });
  const batch = (data ?? alone)?.batch;
  useLiveBatches({ batches: batch ? [batch] : [], end: (data ?? alone)?.eventsEnd, read: () => ask(BatchDetailsDocument, { id }), again });
  if (batch) {
    return (
      <div data-id={id} data-status={batch.status}>
        <Head batch={batch} query={query} />
        <Items batch={batch} list={data?.analyses} end={data?.eventsEnd} query={query} isBusy={fetching} again={again}>
          {error && <Fault message={`The items could not be read. ${messageOf(error)}`} again={again} />}
        </Items>
      </div>
    );
  }
  if (!data && !alone && !(error && second)) return <Loading />;
  return (
    <>
      <PageHead title="Batch" crumbs={<a href={href('batches')}>Batches</a>} />
      {error && second ? (
        <Fault message={`The batch could not be read. ${messageOf(second)}`} again={again} />
      ) : (
        <Blank>This batch does not exist, or was deleted.</Blank>
      )}
    </>
  );
}

export default function Batch({ params }: PageProps) {
  return <View key={params.id} id={params.id!} />;
}
