/** The filter of the log: one object, the beginning, problems only, the types. */
import { useLocation } from 'preact-iso';
import { href } from '../../data/address';
import { count } from '../../data/clock';
import { changed, RANGES, type Query } from '../../data/lists';
import { Choice, SearchBox } from '../../ui/filters';
import { Menu } from '../../ui/Menu';
import { sentence } from '../../ui/words';
import { nameOf, TYPES, usualSince } from './part';

interface Props {
  query: Query;
  types: ReadonlySet<string>;
  /** The number of problems among the events. */
  problems: number;
}

function Types({ query, types }: Omit<Props, 'problems'>) {
  const { route } = useLocation();
  const show = (chosen: ReadonlySet<string>) => route(href('events', changed(query, { types: nameOf(chosen) })), true);
  return (
    <Menu class="types" label={types.size === TYPES.length ? 'All types' : `${types.size} of ${TYPES.length} types`}>
      <fieldset class="entries">
        <legend class="hidden">Types of events to show</legend>
        <p>
          <button type="button" class="link" onClick={() => show(new Set(TYPES))}>
            All
          </button>
          <button type="button" class="link" onClick={() => show(new Set())}>
            None
          </button>
        </p>
        {TYPES.map((type) => (
          <label key={type}>
            <input
              type="checkbox"
              checked={types.has(type)}
              onChange={(event) => show(new Set(event.currentTarget.checked ? [...types, type] : [...types].filter((each) => each !== type)))}
            />
            {sentence(type)}
          </label>
        ))}
      </fieldset>
    </Menu>
  );
}

export function Filters({ query, types, problems }: Props) {
  return (
    <div class="filters">
      <SearchBox label="Id of an analysis, a batch or a worker" name="subject" path="events" query={query} />
      <a class={query.problems ? 'button chosen' : 'button'} href={href('events', changed(query, { problems: query.problems ? null : 'only' }))} aria-current={query.problems ? 'true' : undefined}>
        <span>
          Problems only {problems > 0 && <b class="refusal">{count(problems)}</b>}
        </span>
      </a>
      <Choice label="Since" name="since" path="events" query={query} options={RANGES} none={usualSince(query)} />
      <Types query={query} types={types} />
    </div>
  );
}
