/** One batch: its state, and its items by pages. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { query } from './api';
import { BatchBar, BatchButtons, BatchCounts, BatchPace, titleOf } from './Batches';
import { count, duration, milliseconds } from './clock';
import { endedItems, isOver, openBatch } from './model';
import { ANALYSIS_STATUSES, BATCH_ITEMS, type BatchItemsData, type Item } from './operations';
import { useStore } from './store';
import { CopyId, Moment, sentence, Status } from './ui';

const PAGE = 25;

interface Items {
  nodes: Item[];
  total: number;
  next: string | null;
}

function clip(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

export function BatchView({ id }: { id: string }) {
  const known = useStore(openBatch);
  const batch = known?.id === id ? known : null;
  const [status, setStatus] = useState('');
  /** The start cursors of all pages up to the current one; the first page has none. */
  const [trail, setTrail] = useState<(string | null)[]>([null]);
  const [items, setItems] = useState<Items | null>(null);
  const [missing, setMissing] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const asked = useRef(0);

  // The page of items is refetched after changes of the batch, at most once a second.
  const [version, setVersion] = useState(0);
  const moved = batch ? `${batch.status} ${batch.running} ${batch.queued} ${endedItems(batch)}` : '';
  const again = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => {
    if (moved) again.current ??= setTimeout(() => void ((again.current = undefined), setVersion((value) => value + 1)), 1000);
  }, [moved]);
  useEffect(
    () => () => {
      clearTimeout(again.current);
      openBatch.set(null);
    },
    [],
  );

  const after = trail.at(-1) ?? null;
  useEffect(() => {
    const number = ++asked.current;
    query<BatchItemsData>(BATCH_ITEMS, { id, first: PAGE, after, status: status ? [status] : null }).then(
      (data) => {
        if (number !== asked.current) return; // another page was requested since
        setError(null);
        if (!data.batch) return setMissing(true);
        const { results, ...rest } = data.batch;
        openBatch.set(rest);
        setItems({
          nodes: results.nodes,
          total: results.totalCount,
          next: results.pageInfo.hasNextPage ? results.pageInfo.endCursor : null,
        });
      },
      (reason: Error) => number === asked.current && setError(reason.message),
    );
  }, [id, after, status, version]);

  if (missing) return <p class="empty">This batch does not exist, or was deleted.</p>;
  if (!batch) return <p class="empty">{error ?? 'Loading the batch…'}</p>;
  const from = (trail.length - 1) * PAGE;
  return (
    <>
      <p class="kind">Batch</p>
      <h2 class="drawer-title">{titleOf(batch)}</h2>
      <p class="subtitle">
        <Status of={batch.status} /> <CopyId id={batch.id} />
      </p>
      <div class="batch open" data-status={batch.status}>
        <BatchBar batch={batch} />
        <BatchCounts batch={batch} />
        <BatchPace batch={batch} />
        <BatchButtons batch={batch} />
      </div>
      <dl class="facts">
        <dt>Accepted</dt>
        <dd>
          <Moment at={batch.createdAt} />
        </dd>
        <dt>Started</dt>
        <dd>
          <Moment at={batch.startedAt} />
        </dd>
        <dt>Ended</dt>
        <dd>{isOver(batch) ? <Moment at={batch.finishedAt} /> : '–'}</dd>
        <dt>Times out after</dt>
        <dd>{duration(batch.timeoutSeconds)}</dd>
      </dl>

      <div class="items-head">
        <h3 id="items-title">Items</h3>
        <label>
          Status{' '}
          <select
            value={status}
            onChange={(event) => {
              setStatus(event.currentTarget.value);
              setTrail([null]);
            }}
          >
            <option value="">all</option>
            {ANALYSIS_STATUSES.map((each) => (
              <option key={each} value={each}>
                {sentence(each)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {error && (
        <p class="note" data-kind="failed" role="alert">
          {error}
        </p>
      )}
      {items && items.nodes.length === 0 && <p class="empty">No item has this status.</p>}
      {items && items.nodes.length > 0 && (
        <div class="scroll" role="region" aria-labelledby="items-title" tabIndex={0}>
          <table class="items">
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Status</th>
                <th scope="col" class="number">
                  Took
                </th>
                <th scope="col">Result or error</th>
              </tr>
            </thead>
            <tbody>
              {items.nodes.map((item) => (
                <tr key={item.id} data-id={item.id}>
                  <th scope="row">
                    <a href={`#/analysis/${item.id}`}>{clip(item.key ?? item.id.slice(-8), 40)}</a>
                  </th>
                  <td>
                    <Status of={item.status} />
                  </td>
                  <td class="number">{milliseconds(item.processingTimeMs)}</td>
                  <td class={item.error ? 'is-error' : ''}>
                    {item.error ? item.error.message : item.result ? clip(item.result.summary, 160) : <span class="quiet">{clip(item.inputText ?? '', 120)}</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {items && (
        <nav class="pager" aria-label="Pages of items">
          <button type="button" disabled={trail.length < 2} onClick={() => setTrail(trail.slice(0, -1))}>
            Previous
          </button>
          <span class="quiet">
            {items.total ? `${count(from + 1)} to ${count(from + items.nodes.length)} of ${count(items.total)}` : 'none'}
          </span>
          <button type="button" disabled={items.next === null} onClick={() => setTrail([...trail, items.next])}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}
