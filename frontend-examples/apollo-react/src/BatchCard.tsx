import { useQuery, useSubscription } from '@apollo/client/react';
import { NewestBatchDocument, WatchBatchDocument } from './gql/graphql';

/** The newest batch, live. The subscription updates the cache by the batch's id, and the query shows the update at once. */
export function BatchCard() {
  const batch = useQuery(NewestBatchDocument).data?.batches.nodes[0];
  const over = !batch || !['QUEUED', 'RUNNING'].includes(batch.status);
  useSubscription(WatchBatchDocument, { variables: { id: batch?.id ?? '' }, skip: over, ignoreResults: true });
  if (!batch) return null;

  const { name, status, totalItems, progress, itemsPerSecond } = batch;
  const counts = { completed: batch.processed, failed: batch.failed, canceled: batch.canceled, 'timed out': batch.timedOut };
  return (
    <section className="card" id="batch" data-id={batch.id} data-status={status}>
      <div className="row">
        <h2>{name ?? `A batch of ${totalItems.toLocaleString('en')}`}</h2>
        <span className="badge" data-status={status} />
      </div>
      <progress value={progress.fraction} aria-label="Progress" />
      <p className="quiet">
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
    </section>
  );
}
