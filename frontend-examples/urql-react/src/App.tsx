import { useState, useSyncExternalStore } from 'react';
import { Analyses } from './Analyses';
import { Batch } from './Batch';
import { transport } from './client';
import { Events } from './Events';
import { restarted, getStatus, onStatus } from './live';
import { Submit } from './Submit';

const useStatus = () => useSyncExternalStore(onStatus, getStatus);

function Header() {
  const { state } = useStatus();
  return (
    <header>
      <h1>Assay · urql</h1>
      <nav aria-label="Transport of subscriptions">
        <a href="?transport=ws" aria-current={transport === 'ws'}>
          WebSocket
        </a>
        <a href="?transport=sse" aria-current={transport === 'sse'}>
          Server-sent events
        </a>
      </nav>
      <span className="pill" data-state={state} role="status">
        {state}
      </span>
    </header>
  );
}

function Resumed() {
  const { resumed } = useStatus();
  if (!resumed) return null;
  return (
    <p className="notice" id="resumed" data-behind={resumed.behind}>
      Resumed after event <code>{resumed.behind}</code>: {resumed.events.toLocaleString('en')} events since, none missing.
    </p>
  );
}

export function App() {
  const [gap, setGap] = useState<Error>();
  const [beginnings, setBeginnings] = useState(1);
  // The page was disconnected for longer than events are kept, or the server has another database: the events can't resume.
  function restart(reason: Error) {
    restarted();
    setGap(reason);
    setTimeout(() => setBeginnings(beginnings + 1), 1000);
  }
  return (
    <>
      <Header />
      <main>
        <Resumed />
        {gap && <p className="notice is-bad">The event stream restarted: {gap.message}</p>}
        <Submit />
        <Batch />
        <Analyses />
        <Events key={beginnings} onLost={restart} />
      </main>
    </>
  );
}
