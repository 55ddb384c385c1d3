import { useEffect, useSyncExternalStore } from 'react';
import { useQuery, useSubscription } from 'urql';
import { EventsDocument, EventsEndDocument, type EventsSubscription } from './gql/graphql';
import { changed, getStatus, onStatus } from './live';

type Event = EventsSubscription['events'];
const SHOWN = 8;

/**
 * Follows all events, and refetches the shown data after each. The start cursor is read before the list, so that no change is
 * missed between the two.
 */
export function Events({ onLost }: { onLost: (reason: Error) => void }) {
  const [end, askAgain] = useQuery({ query: EventsEndDocument, requestPolicy: 'network-only' });
  const after = end.data?.eventsEnd;
  useEffect(() => {
    if (after !== undefined) changed();
    if (!end.error) return;
    const timer = setTimeout(askAgain, 1000); // the server is unreachable
    return () => clearTimeout(timer);
  }, [after, end, askAgain]);

  const [{ data: shown = [], error }] = useSubscription(
    { query: EventsDocument, variables: { after: after ?? '' }, pause: after === undefined },
    (shown: Event[] = [], { events }) => [events, ...shown].slice(0, SHOWN),
  );
  useEffect(() => {
    if (error) onLost(error);
  }, [error]);

  const { events } = useSyncExternalStore(onStatus, getStatus);
  return (
    <section className="card" id="events" data-count={events}>
      <h2>
        Events <small className="quiet">{events.toLocaleString('en')}</small>
      </h2>
      <ul>
        {shown.map(({ cursor, type, occurredAt, subjectId }) => (
          <li key={cursor} data-cursor={cursor}>
            <time className="quiet" dateTime={occurredAt}>
              {new Date(occurredAt).toLocaleTimeString('en-GB')}
            </time>
            <span>{type.toLowerCase().replaceAll('_', ' ')}</span>
            <code className="quiet">{subjectId}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
