/** The batches in work, then the last ones. */
import { href, hrefOf } from '../../data/address';
import { mutate } from '../../data/client';
import { count, plural } from '../../data/clock';
import { batchesInWork, queue } from '../../data/figures';
import { OverviewRetryBatchDocument, type OverviewBatchFragment } from '../../data/gql/graphql';
import { useStore } from '../../data/store';
import { ManyActions } from '../../ui/ManyActions';
import { Panel } from '../../ui/Panel';
import { State } from '../../ui/State';
import { Blank, Fault, Loading } from '../../ui/states';
import { useBatches } from './live';
import { endedOf, partsOf, summaryOf } from './outcomes';

const titleOf = ({ id, name }: OverviewBatchFragment) => name ?? `…${id.slice(-8)}`;

function Bar({ batch, summary }: { batch: OverviewBatchFragment; summary: string }) {
  return (
    <div class="outcomes" role="img" aria-label={summary}>
      {partsOf(batch).map(({ status, items }) => (
        <span key={status} data-status={status} style={{ flexGrow: items }} />
      ))}
    </div>
  );
}

/** `again` shows the batch as it is after the retry. */
function Retry({ batch, again }: { batch: OverviewBatchFragment; again: () => void }) {
  const { id, retryableItems: items } = batch;
  const of = plural(items, 'item');
  const act = async () => (await mutate(OverviewRetryBatchDocument, { id })).retryBatch;
  const actions = [{ verb: 'Retry' as const, items, of, button: `Retry ${count(items)}`, name: `Retry ${of} of ${titleOf(batch)}`, act }];
  return <ManyActions actions={items > 0 ? actions : []} status={batch.status} after={again} />;
}

function Row({ batch, again }: { batch: OverviewBatchFragment; again: () => void }) {
  const summary = summaryOf(batch, useStore(queue)?.pausedSince != null);
  return (
    <li class="of-batch" data-id={batch.id} data-status={batch.status}>
      <div class="line">
        <a class="name grow" href={hrefOf(batch.id)} dir="auto">
          {titleOf(batch)}
        </a>
        <State of={batch.status} />
        <Retry batch={batch} again={again} />
      </div>
      <Bar batch={batch} summary={summary} />
      <p class="line small quiet">
        <span class="summary">{summary}</span>
        <span class="push">
          {count(endedOf(batch))} / {count(batch.totalItems)}
        </span>
      </p>
    </li>
  );
}

export function Batches() {
  const { batches, total, error, again } = useBatches();
  const inWork = useStore(batchesInWork);
  return (
    <Panel
      title="Batches"
      id="batches"
      aside={
        total ? (
          <>
            {inWork ? (
              <a class="small" href={href('batches', { status: 'QUEUED,RUNNING' })}>
                {count(inWork)} in work
              </a>
            ) : null}
            <a class="small" href={href('batches')}>
              All {count(total)}
            </a>
          </>
        ) : null
      }
    >
      {error && <Fault message={`The batches could not be read. ${error}`} again={again} />}
      {!batches && !error && <Loading />}
      {batches?.length === 0 && (
        <Blank>
          No batch yet. <code>make demo</code> submits a batch of 1,000 texts, which appears here at once.
        </Blank>
      )}
      {batches && batches.length > 0 && (
        <ol class="lines">
          {batches.map((batch) => (
            <Row key={batch.id} batch={batch} again={again} />
          ))}
        </ol>
      )}
    </Panel>
  );
}
