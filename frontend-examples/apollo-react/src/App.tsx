import { useQuery, useSubscription } from '@apollo/client/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Analyses } from './Analyses';
import { BatchCard } from './BatchCard';
import { EventsDocument, EventsEndDocument } from './gql/graphql';
import { begunAnew, changed, getStatus, onStatus } from './live';
import { Submit } from './Submit';

/**
 * Follows all events, and has what is shown read again after each. They begin at a place that was read before the list is, so
 * that nothing falls between the two.
 */
function Events({ onLost }: { onLost: (reason: Error) => void }) {
  // Where the server is away, it is asked again every second.
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
      Resumed behind event <code>{resumed.behind}</code>: {resumed.events.toLocaleString('en')} have come since, and none is missing.
    </p>
  );
}

export function App() {
  const [gap, setGap] = useState<Error>();
  const [beginnings, setBeginnings] = useState(1);
  // The page was away for longer than events are kept, or the server has another database: there is no place to go on from.
  function beginAnew(reason: Error) {
    begunAnew();
    setGap(reason);
    setTimeout(() => setBeginnings(beginnings + 1), 1000);
  }
  return (
    <>
      <Events key={beginnings} onLost={beginAnew} />
      <Header />
      <main>
        <Resumed />
        {gap && <p className="notice is-bad">The events began anew: {gap.message}</p>}
        <Submit />
        <BatchCard />
        <Analyses />
      </main>
    </>
  );
}
