/** The server's identity, and the state of the connection. */
import { connection } from './api';
import { clockTime, count, duration, plural } from './clock';
import { gap, resumption } from './log';
import { Keys } from './Keys';
import { metrics } from './model';
import { useStore } from './store';
import { words } from './ui';

export function Pill() {
  const at = useStore(connection);
  const text =
    at.state === 'connecting'
      ? 'Connecting…'
      : at.state === 'live'
        ? 'Live'
        : at.state === 'reconnecting'
          ? 'Reconnecting…'
          : `Stale since ${clockTime(at.since)}`;
  const more = at.state !== 'stale' ? undefined : at.open ? 'The connection is open, but no data arrives.' : 'The server does not respond. The page keeps trying.';
  return (
    <span class="pill" data-state={at.state} role="status" title={more}>
      {text}
    </span>
  );
}

export function Header() {
  const figures = useStore(metrics);
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <path class="logo-hexagon" d="M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z" />
          <path class="logo-bars" d="M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8" />
        </svg>
        Assay <span class="quiet">live</span>
      </h1>
      <Pill />
      <p class="instance quiet">
        {figures && (
          <>
            <span title="This server: host and process id">{figures.instance}</span>
            <span>up {duration(Math.floor(figures.uptimeSeconds))}</span>
            <span>CPU {Math.round(figures.system.cpuPercent)} %</span>
            <span>{count(Math.round(figures.system.memoryMb))} MiB</span>
            <span>{plural(figures.subscriptions.connections, 'viewer')}</span>
          </>
        )}
      </p>
      <nav aria-label="Other pages">
        <a href="/graphql">GraphiQL</a>
        <a href="/metrics">Metrics</a>
        <Keys />
      </nav>
    </header>
  );
}

export function Notices() {
  const resumed = useStore(resumption);
  const restarted = useStore(gap);
  return (
    <div class="notices" role="status">
      {resumed && (
        <p class="notice" data-kind="resumed" data-done={resumed.done} data-behind={resumed.behind?.cursor ?? ''}>
          <span>
            Resumed{' '}
            {resumed.behind ? (
              <>
                after <code>{resumed.behind.cursor}</code> ({words(resumed.behind.type)}, {clockTime(resumed.behind.occurredAt)})
              </>
            ) : (
              'from the beginning of the log'
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
