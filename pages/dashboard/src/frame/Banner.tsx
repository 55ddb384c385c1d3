/** One line about the server, the worst first: disconnected, paused, degraded. Below it, news of the event log. */
import { href } from '../data/address';
import { clockTime, count, plural, tick } from '../data/clock';
import { health, metrics, queue, unwell } from '../data/figures';
import { gap, resumption } from '../data/log';
import { session } from '../data/session';
import { connection, nextAttempt, tryNow } from '../data/socket';
import { useStore } from '../data/store';
import { Icon } from '../ui/Icon';
import { words } from '../ui/words';
import { resume } from './commands';

function Disconnected() {
  useStore(tick);
  const at = useStore(nextAttempt);
  const seconds = at === null ? 0 : Math.ceil((at - Date.now()) / 1000);
  return (
    <div class="banner" data-kind="disconnected">
      <Icon name="warning" />
      <span>No connection to the server. {seconds > 0 ? `Next attempt in ${seconds} s.` : 'Connecting…'}</span>
      <button type="button" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}

export function Banner() {
  const at = useStore(connection);
  const held = useStore(queue);
  const waiting = useStore(metrics)?.queue.depth ?? 0;
  const state = useStore(health);
  if (useStore(session).state === 'out') return null; // the sign-in is in front
  if (at.state === 'reconnecting' || (at.state === 'stale' && !at.open)) return <Disconnected />;
  if (held?.pausedSince) {
    return (
      <div class="banner" data-kind="paused" role="status">
        <Icon name="pause" />
        <span>
          The queue is paused since {clockTime(held.pausedSince)}. {waiting === 1 ? '1 analysis waits.' : `${count(waiting)} analyses wait.`}{' '}
          <bdi>{held.pauseReason}</bdi>
        </span>
        <button type="button" onClick={() => void resume()}>
          Resume
        </button>
      </div>
    );
  }
  // One report may be of a busy second.
  if (state && state.status !== 'HEALTHY' && unwell > 1) {
    const worst = state.components.filter((each) => each.status !== 'HEALTHY');
    return (
      <div class="banner" data-kind="degraded" role="status">
        <Icon name="warning" />
        <span>
          The server is {words(state.status)}: {worst.map((each) => words(each.name)).join(', ')}. {worst[0]?.message}
        </span>
        <a class="button" href={href('queue')}>
          Details
        </a>
      </div>
    );
  }
  return null;
}

export function Notices() {
  const resumed = useStore(resumption);
  const restarted = useStore(gap);
  return (
    <div role="status">
      {resumed && (
        <p class="notice" data-kind="resumed" data-done={resumed.done} data-behind={resumed.behind?.cursor ?? ''}>
          <span>
            Resumed
            {resumed.behind && (
              <>
                {' '}
                after <code>{resumed.behind.cursor}</code> ({words(resumed.behind.type)}, {clockTime(resumed.behind.occurredAt)})
              </>
            )}
            , <strong>{plural(resumed.caughtUp, 'event')}</strong> caught up{resumed.done ? '.' : ' so far…'}
          </span>
          <button type="button" class="link" onClick={() => resumption.set(null)}>
            Dismiss
          </button>
        </p>
      )}
      {restarted && (
        <p class="notice" data-kind="gap">
          <span>{restarted}</span>
          <button type="button" class="link" onClick={() => gap.set(null)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}
