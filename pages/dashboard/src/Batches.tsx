/** All batches, newest first, with their actions. */
import { mutate } from './api';
import { count, duration, rate } from './clock';
import { batches, endedItems, isOver, know, openBatch, refreshList, showMore } from './model';
import { CANCEL_BATCH, RETRY_BATCH, type Batch, type BatchPayload } from './operations';
import { useStore } from './store';
import { ActionNote, Ago, Card, Status, useAction } from './ui';

export const titleOf = (batch: { id: string; name: string | null }) => batch.name ?? `…${batch.id.slice(-8)}`;

export function BatchBar({ batch }: { batch: Batch }) {
  const ended = endedItems(batch);
  const percent = Math.floor(batch.progress.fraction * 100);
  return (
    <div class="bar">
      <progress
        value={batch.progress.fraction}
        max={1}
        data-over={isOver(batch)}
        data-status={batch.failed === batch.totalItems ? 'FAILED' : batch.status}
        aria-label={`${titleOf(batch)}: ${count(ended)} of ${count(batch.totalItems)} items ended`}
      />
      <span class="bar-text">
        {count(ended)} / {count(batch.totalItems)} <span class="quiet">{percent} %</span>
      </span>
    </div>
  );
}

export function BatchCounts({ batch }: { batch: Batch }) {
  const parts: [string, number, string][] = [
    ['processed', batch.processed, 'COMPLETED'],
    ['failed', batch.failed, 'FAILED'],
    ['canceled', batch.canceled, 'CANCELED'],
    ['timed out', batch.timedOut, 'TIMED_OUT'],
  ];
  if (!isOver(batch)) parts.push(['running', batch.running, 'RUNNING'], ['queued', batch.queued, 'QUEUED']);
  return (
    <p class="counts">
      {parts.map(([name, value, status]) => (
        <span key={name} class={value ? 'some' : 'none'} data-status={status} data-count={name}>
          <b>{count(value)}</b> {name}
        </span>
      ))}
    </p>
  );
}

export function BatchPace({ batch }: { batch: Batch }) {
  if (isOver(batch)) {
    const { totalProcessingTimeMs: took } = batch;
    if (took === null) return <p class="pace quiet">ended before its start</p>;
    const ran = batch.processed + batch.failed; // canceled and timed-out items may never have started
    const perSecond = took > 0 && ran > 0 ? ran / (took / 1000) : null;
    return (
      <p class="pace quiet">
        took {duration(took / 1000)}
        {perSecond !== null && `, ${rate(perSecond)} items/s`}
      </p>
    );
  }
  const eta = batch.progress.etaSeconds;
  return (
    <p class="pace">
      {batch.itemsPerSecond !== null && <span>{rate(batch.itemsPerSecond)} items/s</span>}
      <span>ETA {eta === null ? 'unknown' : duration(Math.max(1, Math.round(eta)))}</span>
    </p>
  );
}

export function BatchButtons({ batch }: { batch: Batch }) {
  const action = useAction();
  const name = titleOf(batch);
  // If all items of a batch were refused, its duration is 0, and it has nothing to retry.
  const wasRefused = batch.failed === batch.totalItems && batch.totalProcessingTimeMs === 0;
  const canRetry = isOver(batch) && !wasRefused && batch.failed + batch.canceled + batch.timedOut > 0;
  const send = async (document: string, field: 'cancelBatch' | 'retryBatch') => {
    const payload = (await mutate<Record<string, BatchPayload>>(document, { id: batch.id }))[field]!;
    if (payload.batch) {
      know(payload.batch);
      if (openBatch.value?.id === payload.batch.id) openBatch.set(payload.batch);
    }
    return payload;
  };
  return (
    <div class="actions">
      {!isOver(batch) && (
        <button
          type="button"
          disabled={action.busy}
          aria-label={`Cancel ${name}`}
          onClick={() => void action.run(() => send(CANCEL_BATCH, 'cancelBatch'), 'Canceled.')}
        >
          Cancel
        </button>
      )}
      {canRetry && (
        <button
          type="button"
          disabled={action.busy}
          aria-label={`Retry failed, canceled and timed-out items of ${name}`}
          onClick={() => void action.run(() => send(RETRY_BATCH, 'retryBatch'), 'Queued again.')}
        >
          Retry
        </button>
      )}
      <ActionNote note={action.note} />
    </div>
  );
}

function Row({ batch }: { batch: Batch }) {
  return (
    <li class="batch" data-id={batch.id} data-status={batch.status}>
      <div class="batch-head">
        <a class="batch-name" href={`#/batch/${batch.id}`}>
          {titleOf(batch)}
        </a>
        <Status of={batch.status} />
        <span class="quiet">
          <Ago at={batch.createdAt} />
        </span>
      </div>
      <BatchBar batch={batch} />
      <BatchCounts batch={batch} />
      <BatchPace batch={batch} />
      <BatchButtons batch={batch} />
    </li>
  );
}

export function Batches() {
  const list = useStore(batches);
  return (
    <Card title="Batches" id="batches" aside={list.loaded && <span class="quiet">{count(list.total)} in total, newest first</span>}>
      {list.error && (
        <p class="note" data-kind="failed" role="alert">
          The list could not be read: {list.error}{' '}
          <button type="button" class="link" onClick={refreshList}>
            Try again
          </button>
        </p>
      )}
      {!list.loaded && !list.error && <p class="empty">Waiting for the server…</p>}
      {list.loaded && list.shown.length === 0 && (
        <p class="empty">
          No batch yet. <code>make demo</code> submits a batch of 1,000 texts, which appears here at once.
        </p>
      )}
      <ol class="batches">
        {list.shown.map((batch) => (
          <Row key={batch.id} batch={batch} />
        ))}
      </ol>
      {list.shown.length < list.total && (
        <button type="button" class="more" onClick={showMore}>
          Show {count(Math.min(25, list.total - list.shown.length))} older
        </button>
      )}
    </Card>
  );
}
