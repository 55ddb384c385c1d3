/** A time: elapsed within a day, the date and time before that. The tooltip has the exact time in UTC. */
import { ago, clockTime, elapsed, fullTime, now, tick } from '../data/clock';
import { useStore } from '../data/store';

const DAY_MS = 86_400_000;

export function When({ at }: { at: string }) {
  useStore(tick);
  return (
    <time dateTime={at} title={new Date(at).toISOString()}>
      {now() - Date.parse(at) < DAY_MS ? elapsed(at) : fullTime(at)}
    </time>
  );
}

/** The time of day and the elapsed time. */
export function Moment({ at, none = 'not yet' }: { at: string | null; none?: string }) {
  useStore(tick);
  if (at === null) return <span class="quiet">{none}</span>;
  return (
    <time dateTime={at} title={new Date(at).toISOString()}>
      {clockTime(at)} <span class="quiet">({ago(at)})</span>
    </time>
  );
}
