import { useMutation } from 'urql';
import { useLiveQuery } from './client';
import { CancelBatchDocument, NewestBatchDocument } from './gql/graphql';
import { changed } from './live';

/** The newest batch, live. */
export function Batch() {
  const batch = useLiveQuery(NewestBatchDocument, {}).data?.batches.nodes[0];
  const [canceled, cancel] = useMutation(CancelBatchDocument);
  if (!batch) return null;

  const { id, name, status, totalItems, progress, itemsPerSecond } = batch;
  const over = !['QUEUED', 'RUNNING'].includes(status);
  const counts = { completed: batch.processed, failed: batch.failed, canceled: batch.canceled, 'timed out': batch.timedOut };
  const problem = canceled.error?.message ?? canceled.data?.cancelBatch.userErrors[0]?.message;
  return (
    <section className="card" id="batch" data-id={id} data-status={status}>
      <div className="row">
        <h2>{name ?? `A batch of ${totalItems.toLocaleString('en')}`}</h2>
        <span className="badge" data-status={status} />
      </div>
      <progress value={progress.fraction} aria-label="Progress" />
      <div className="row quiet">
        <p>
          {Object.entries(counts).map(([word, count]) => (
            <span key={word} data-count={word} hidden={!count}>
              {count.toLocaleString('en')} {word}
            </span>
          ))}
          {' of '}
          {totalItems.toLocaleString('en')}
          {!over && itemsPerSecond !== null && `, ${Math.round(itemsPerSecond).toLocaleString('en')} per second`}
          {!over && progress.etaSeconds !== null && `, ${Math.ceil(progress.etaSeconds)} s left`}
        </p>
        {!over && <button onClick={() => void cancel({ id }).then(changed)}>Cancel</button>}
      </div>
      {problem && <p className="problem">{problem}</p>}
    </section>
  );
}
