/**
 * The data of an unknown result type: up to eight numbers as figures, other scalars as facts, the rest as JSON. The fields that
 * every result has are drawn elsewhere.
 */
import { count } from '../data/clock';

const COMMON = new Set(['score', 'tags', 'summary']);
const MOST_FIGURES = 8;

/** Returns a field's name as words: "readingTime" and "reading_time" are "Reading time". */
export function label(name: string): string {
  const text = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface Sorted {
  figures: [string, number][];
  facts: [string, string][];
  rest: Record<string, unknown>;
}

/** Sorts the fields of a result by the way to draw them. */
export function sorted(data: unknown): Sorted {
  const found: Sorted = { figures: [], facts: [], rest: {} };
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return { ...found, rest: { data } };
  for (const [name, value] of Object.entries(data)) {
    if (COMMON.has(name) || value === null) continue;
    if (typeof value === 'number' && found.figures.length < MOST_FIGURES) found.figures.push([name, value]);
    else if (typeof value !== 'object' && String(value).length <= 200) found.facts.push([name, String(value)]);
    else found.rest[name] = value;
  }
  return found;
}

export function Generic({ data }: { data: unknown }) {
  const { figures, facts, rest } = sorted(data);
  return (
    <>
      {figures.length > 0 && (
        <dl class="numbers">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{label(name)}</dt>
              <dd>{Number.isInteger(value) ? count(value) : value.toPrecision(4)}</dd>
            </div>
          ))}
        </dl>
      )}
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <>
              <dt>{label(name)}</dt>
              <dd dir="auto">{value}</dd>
            </>
          ))}
        </dl>
      )}
      {Object.keys(rest).length > 0 && (
        <pre class="json" dir="auto">
          {JSON.stringify(rest, null, 2)}
        </pre>
      )}
    </>
  );
}
