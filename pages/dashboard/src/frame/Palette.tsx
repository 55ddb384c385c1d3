/** The palette: an id or its tail, a key, a batch, a page, a saved view, or a command that is allowed now. */
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href, hrefOf, idOf } from '../data/address';
import { query as ask } from '../data/client';
import { queue } from '../data/figures';
import { PaletteDocument, TitlesDocument } from '../data/gql/graphql';
import { find } from '../data/known';
import { useStore } from '../data/store';
import { views } from '../data/views';
import { railItems } from '../routes';
import { useChange } from '../ui/change';
import { PauseForm } from '../ui/PauseForm';
import { shortcuts } from '../ui/shortcuts';
import { resume } from './commands';

interface Entry {
  id: string;
  kind: string;
  words: string;
  act: () => void;
  /** Whether the palette stays open. */
  stays?: boolean;
}

const TYPED_MS = 150;
const MOST_OF_A_KIND = 6;

const matches = (words: string, typed: string) => typed.toLowerCase().split(/\s+/).every((each) => words.toLowerCase().includes(each));

interface Found {
  id: string;
  kind: string;
  words: string;
}

/** The object of a whole id, or none. */
async function byId(id: string): Promise<Found[]> {
  const { nodes } = await ask(TitlesDocument, { ids: [id] });
  const { title, name }: { id?: string; title?: string; name?: string | null } = nodes[0] ?? {};
  return nodes[0] ? [{ id, kind: 'Id', words: title ?? name ?? id }] : [];
}

async function byName(typed: string): Promise<Found[]> {
  const { analyses, batches } = await ask(PaletteDocument, { key: typed, name: typed });
  return [
    ...analyses.nodes.map(({ id, title }) => ({ id, kind: 'Analysis', words: title })),
    ...batches.nodes.map(({ id, name }) => ({ id, kind: 'Batch', words: name ?? `…${id.slice(-8)}` })),
  ];
}

/** The object of an id, or analyses by key and batches by name, a moment after typing. An id is an entry before its answer. */
function useFound(typed: string): Found[] {
  const id = idOf(typed);
  const unread = () => (id ? [{ id, kind: 'Id', words: id }] : []);
  const [found, setFound] = useState<{ of: string; objects: Found[] }>({ of: '', objects: [] });
  useEffect(() => {
    if (!typed) return;
    let isCurrent = true;
    const timer = setTimeout(() => {
      (id ? byId(id) : byName(typed)).then(
        (objects) => isCurrent && setFound({ of: typed, objects }),
        () => undefined, // the other entries are still of use
      );
    }, TYPED_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [typed]);
  return useMemo(() => (found.of === typed ? found.objects : unread()), [found, typed]);
}

function useEntries(typed: string, pause: () => void): Entry[] {
  const { route } = useLocation();
  const saved = useStore(views);
  const keys = useStore(shortcuts);
  const held = useStore(queue);
  const found = useFound(typed);
  return useMemo(() => {
    const go = (address: string) => () => route(address);
    const kinds: Entry[][] = [];
    const pages = [...railItems.map(({ label, path }) => [label, path] as const), ['New analysis', 'new'] as const];
    const known = typed.length > 2 && !idOf(typed) ? find(typed.replace(/^…/, ''), MOST_OF_A_KIND) : [];
    const objects = [...known.map(({ id, name }) => ({ id, kind: id.startsWith('batch_') ? 'Batch' : 'Analysis', words: name })), ...found];
    const seen = new Set<string>();
    kinds.push(
      pages.map(([words, path]) => ({ id: `page ${path}`, kind: 'Page', words, act: go(href(path)) })).filter(({ words }) => matches(words, typed)),
      saved
        .map(({ name, path, query }) => ({ id: `view ${path} ${name}`, kind: 'View', words: name, act: go(href(path, query)) }))
        .filter(({ words }) => matches(words, typed)),
      objects.filter(({ id }) => !seen.has(id) && seen.add(id)).map((each) => ({ ...each, act: go(hrefOf(each.id)) })),
      [
        ...(held
          ? [held.pausedSince ? { id: 'resume', kind: 'Command', words: 'Resume the queue', act: () => void resume() } : { id: 'pause', kind: 'Command', words: 'Pause the queue…', act: pause, stays: true }]
          : []),
        ...keys
          .flat()
          .filter(({ key }) => !key.startsWith('g '))
          .map(({ key, what, act }) => ({ id: `key ${key}`, kind: 'Command', words: what.charAt(0).toUpperCase() + what.slice(1), act })),
      ].filter(({ words }) => matches(words, typed)),
    );
    return kinds.flatMap((each) => each.slice(0, MOST_OF_A_KIND));
  }, [typed, saved, keys, held, found]);
}

/** The form of a pause of the whole queue, in place of the entries. */
function Pause({ close }: { close: () => void }) {
  const change = useChange();
  return (
    <div class="pause">
      <h2>Pause the queue</h2>
      <p class="quiet">Running analyses continue. No other one starts before the end of the pause.</p>
      <PauseForm analyzer={null} change={change} close={close} />
      <p class="refusal" role="status">
        {change.refusal}
      </p>
    </div>
  );
}

export function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const opener = useRef(document.activeElement as HTMLElement | null);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const [isPausing, setPausing] = useState(false);
  const entries = useEntries(typed.trim(), () => setPausing(true));
  const current = entries[Math.min(at, entries.length - 1)];
  useEffect(() => {
    dialog.current!.showModal();
  }, []);
  const newest = useRef(current);
  newest.current = current;
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    if (entry.stays) return entry.act();
    dialog.current!.close();
    opener.current?.focus({ preventScroll: true }); // commands act on the element with the focus
    entry.act();
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={isPausing ? 'Pause the queue' : 'Palette'} onClose={close} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      {isPausing ? (
        <Pause close={() => dialog.current!.close()} />
      ) : (
        <>
          <input
            type="text"
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-entries"
            aria-activedescendant={current && 'palette-current'}
            aria-label="Id, key, page, view or command"
            placeholder="Id, key, page, view or command"
            autocomplete="off"
            maxLength={200}
            value={typed}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setAt(0);
            }}
            onKeyDown={(event) => {
              const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
              if (step) {
                event.preventDefault();
                setAt((Math.min(at, entries.length - 1) + step + entries.length) % Math.max(1, entries.length));
              } else if (event.key === 'Enter') {
                event.preventDefault();
                requestAnimationFrame(() => run(newest.current)); // after the drawing of the last letters
              }
            }}
          />
          <ul id="palette-entries" role="listbox" aria-label="Entries">
            {entries.map((entry) => (
              <li key={entry.id} id={entry === current ? 'palette-current' : undefined} role="option" aria-selected={entry === current} onClick={() => run(entry)}>
                <bdi>{entry.words}</bdi>
                <span class="quiet">{entry.kind}</span>
              </li>
            ))}
          </ul>
          {entries.length === 0 && (
            <p class="quiet">
              {idOf(typed)
                ? 'No object has this id.'
                : 'Nothing found. The server searches whole ids only: the end of an id finds objects that this visit has shown. The list of analyses searches the input.'}
            </p>
          )}
        </>
      )}
    </dialog>
  );
}
