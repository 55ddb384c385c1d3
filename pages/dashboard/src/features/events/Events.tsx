/** The live event log. Events between two animation frames are drawn together. */
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import { href } from '../../data/address';
import { count, plural } from '../../data/clock';
import { useQueryState } from '../../data/lists';
import { follow, log } from '../../data/log';
import { useStore } from '../../data/store';
import { PageHead } from '../../ui/PageHead';
import { useShortcuts, type Shortcut } from '../../ui/shortcuts';
import { Blank } from '../../ui/states';
import './events.css';
import { Filters } from './Filters';
import { partOf, shownOf, typesOf } from './part';
import { View } from './view';
import { Window } from './Window';

function save(): void {
  const lines = log.value.events.map((event) => JSON.stringify(event)).join('\n');
  const url = URL.createObjectURL(new Blob([`${lines}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'assay-events.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export default function Events() {
  const query = useQueryState();
  const { subject, problems, since } = query;
  const part = useMemo(() => partOf(query), [subject, problems, since]);
  const types = useMemo(() => typesOf(query.types), [query.types]);
  const state = useStore(log);
  const [, draw] = useReducer<number, void>((drawings) => drawings + 1, 0);
  useEffect(() => follow({ types: null, part, take: () => undefined }), [part]);

  const isShown = useMemo(() => shownOf(types, problems), [types, problems]);
  const view = useMemo(() => new View(isShown), [part]);
  const shown = useRef(isShown);
  if (shown.current !== isShown) {
    shown.current = isShown;
    view.show(isShown, state);
  }
  const resumed = useRef(0);
  const added = view.catchUp(state) + resumed.current;
  resumed.current = 0;

  const toggle = () => {
    if (view.paused) resumed.current = view.resume();
    else view.pause();
    draw();
  };
  const pressed = useRef(toggle);
  pressed.current = toggle;
  const keys = useMemo<Shortcut[]>(() => [{ key: 'p', what: 'pause or resume the events', act: () => pressed.current() }], []);
  useShortcuts(keys);

  const { rows, waiting } = view;
  return (
    <div class="log" data-total={state.total} data-kept={state.events.length} data-shown={rows.length}>
      <PageHead title="Events" beside={<span class="quiet total">{plural(state.total, 'event')}</span>}>
        <div class="actions">
          <button type="button" class="hold" aria-pressed={view.paused} onClick={toggle}>
            {view.paused ? `Resume${waiting.length ? ` (${count(waiting.length)} new)` : ''}` : 'Pause'}
          </button>
          <button type="button" onClick={save} disabled={!state.events.length}>
            Save as JSON lines
          </button>
        </div>
      </PageHead>
      <Filters query={query} types={types} problems={view.problems} />
      {rows.length === 0 && (
        <Blank>
          {state.total ? (
            <>
              {problems ? 'No problem has these types.' : 'No event has these types.'} <a href={href('events', { types: 'all' })}>Show all</a>
            </>
          ) : subject || problems || since ? (
            <>
              No event matches. <a href={href('events')}>Clear filters</a>
            </>
          ) : (
            'No event yet.'
          )}
        </Blank>
      )}
      <Window rows={rows} added={added} />
    </div>
  );
}
