import { useQuery, useSubscription } from '@apollo/client/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Analyses } from './Analyses';
import { BatchCard } from './BatchCard';
import { EventsDocument, EventsEndDocument } from './gql/graphql';
import { restarted, changed, getStatus, onStatus } from './live';
import { Submit } from './Submit';

/**
 * Follows all events, and refetches the shown data after each. The start cursor is read before the list, so that no change is
 * missed between the two.
 */
function Events({ onLost }: { onLost: (reason: Error) => void }) {
  // If the server is unreachable, the query is repeated every second.
  const { data, stopPolling } = useQuery(EventsEndDocument, { fetchPolicy: 'no-cache', pollInterval: 1000 });
  useEffect(() => {
    if (!data) return;
    stopPolling();
    changed();
  }, [data, stopPolling]);
  useSubscription(EventsDocument, {
    variables: { after: data?.eventsEnd ?? '' },
    skip: !data,
    fetchPolicy: 'no-cache',
    ignoreResults: true,
    onError: onLost,
  });
  return null;
}

const useStatus = () => useSyncExternalStore(onStatus, getStatus);

function Header() {
  const { state, events } = useStatus();
  return (
    <header>
      <h1>Assay · Apollo Client</h1>
      <span className="quiet" id="events" data-count={events}>
        {events.toLocaleString('en')} events
      </span>
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
      <Events key={beginnings} onLost={restart} />
      <Header />
      <main>
        <Resumed />
        {gap && <p className="notice is-bad">The event stream restarted: {gap.message}</p>}
        <Submit />
        <BatchCard />
        <Analyses />
      </main>
    </>
  );
}
