/** The time of the last run as a bar: waits and attempts. */
import { milliseconds, now, tick } from '../../data/clock';
import { useStore } from '../../data/store';
import type { Detail } from './Analysis';
import { spansOf } from './spans';

export function Spans({ analysis }: { analysis: Detail }) {
  useStore(tick);
  const spans = spansOf(analysis.createdAt, analysis.attempts, now());
  if (spans.length === 0) return null;
  return (
    <div class="card spans">
      <div class="spans-bar" aria-hidden="true">
        {spans.map(({ kind, milliseconds }, index) => (
          <span key={index} data-kind={kind} style={{ flexGrow: Math.max(1, milliseconds) }} />
        ))}
      </div>
      <ul>
        {spans.map(({ kind, words, milliseconds: time }, index) => (
          <li key={index} data-kind={kind}>
            {words === 'waited' ? words : `${words},`} {milliseconds(time)}
          </li>
        ))}
      </ul>
    </div>
  );
}
