/** The choice of a time range: links, so that the address holds it. */
import { href } from '../data/address';
import { changed, type Query } from '../data/lists';
import { RANGES, rangeOf } from '../data/range';
import './panel.css';

export function RangeTabs({ path, query }: { path: string; query: Query }) {
  const chosen = rangeOf(query);
  return (
    <nav class="seg" aria-label="Range">
      {RANGES.map((range) => (
        <a key={range.name} href={href(path, changed(query, { range: range.name }))} aria-current={range === chosen ? 'true' : undefined}>
          {range.words}
        </a>
      ))}
    </nav>
  );
}
