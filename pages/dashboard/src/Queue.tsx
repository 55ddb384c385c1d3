/** The queue by priority, with pauses and limits. */
import { mutate } from './api';
import { count, duration } from './clock';
import { metrics, queue } from './model';
import { PAUSE_QUEUE, RESUME_QUEUE, type QueuePayload } from './operations';
import { useStore } from './store';
import { ActionNote, Ago, Card, Meter, useAction } from './ui';

function Depths() {
  const depths = useStore(metrics)?.queue.byPriority;
  if (!depths) return <p class="empty">Waiting for the server…</p>;
  if (depths.length === 0) return <p class="empty">The queue is empty.</p>;
  const most = Math.max(1, ...depths.map((each) => each.depth));
  return (
    <table class="bars depths">
      <thead>
        <tr>
          <th scope="col">Priority</th>
          <th scope="col">
            <span class="hidden">Share of the largest</span>
          </th>
          <th scope="col" class="number">
            Queued
          </th>
          <th scope="col" class="number">
            Oldest
          </th>
        </tr>
      </thead>
      <tbody>
        {depths.map(({ priority, depth, oldestSeconds }) => (
          <tr key={priority}>
            <th scope="row">{priority}</th>
            <td>
              <Meter value={depth / most} label={`${count(depth)}; the largest has ${count(most)}`} />
            </td>
            <td class="number">{count(depth)}</td>
            <td class="number">{oldestSeconds === null ? '–' : duration(oldestSeconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A pause button: for the whole queue (without a name), or for one analyzer. */
function Hold({ analyzer, pausedSince, limit }: { analyzer: string | null; pausedSince: string | null; limit: number | null }) {
  const action = useAction();
  const name = analyzer ?? 'The whole queue';
  const isPaused = pausedSince !== null;
  const turn = async () => {
    const [document, field] = isPaused ? ([RESUME_QUEUE, 'resumeQueue'] as const) : ([PAUSE_QUEUE, 'pauseQueue'] as const);
    const payload = (await mutate<Record<string, QueuePayload>>(document, { analyzer }))[field]!;
    if (payload.queue) queue.set(payload.queue);
    return payload;
  };
  return (
    <li data-analyzer={analyzer ?? ''} data-paused={isPaused}>
      <span>
        {name}
        <span class="quiet">
          {isPaused ? (
            <>
              {' '}
              paused <Ago at={pausedSince} />
            </>
          ) : (
            ' active'
          )}
          {limit !== null && `, at most ${count(limit)} at once per worker`}
        </span>
      </span>
      <button type="button" disabled={action.busy} aria-label={`${isPaused ? 'Resume' : 'Pause'}: ${name}`} onClick={() => void action.run(turn, isPaused ? 'Resumed.' : 'Paused.')}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <ActionNote note={action.note} />
    </li>
  );
}

export function Queue() {
  const held = useStore(queue);
  return (
    <Card title="Queue by priority" id="queue" aside={held?.pausedSince && <span class="status" data-status="CANCELED">Paused</span>}>
      {held && (
        <ul class="holds" aria-label="Pauses and limits">
          <Hold analyzer={null} pausedSince={held.pausedSince} limit={held.concurrency} />
          {held.analyzers.map((each) => (
            <Hold key={each.analyzer} {...each} />
          ))}
        </ul>
      )}
      <Depths />
    </Card>
  );
}
