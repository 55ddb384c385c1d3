/** The frame's shortcuts, and the list of all. */
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { href } from '../data/address';
import { useStore } from '../data/store';
import { areOn, listen, shortcuts, turn, useShortcuts, type Shortcut } from '../ui/shortcuts';

const PAGES = { o: '', a: 'analyses', b: 'batches', q: 'queue', e: 'events', n: 'new' };

let open: () => void = () => undefined;
export const showShortcuts = () => open();

export function Shortcuts() {
  const { route } = useLocation();
  const dialog = useRef<HTMLDialogElement>(null);
  const isOn = useStore(areOn);
  const known = useStore(shortcuts);
  const own = useMemo<Shortcut[]>(
    () => [
      { key: '/', what: 'search', act: () => document.getElementById('find')?.focus() },
      ...Object.entries(PAGES).map(([key, path]) => ({ key: `g ${key}`, what: `go to ${path || 'overview'}`, act: () => route(href(path)) })),
      { key: '?', what: 'show these shortcuts', act: () => open() },
    ],
    [],
  );
  useShortcuts(own);
  useEffect(() => {
    open = () => dialog.current!.showModal();
    return listen();
  }, []);
  const seen = new Set<string>();
  return (
    <dialog ref={dialog} class="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Shortcuts</h2>
      <dl>
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>K</kbd>
          </dt>
          <dd>id, key, page, view or command</dd>
        </div>
        {known.flat().map(({ key, what }) => {
          if (seen.has(key)) return null; // the page has its own
          seen.add(key);
          return (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          );
        })}
      </dl>
      <label>
        <input type="checkbox" checked={isOn} onChange={(event) => turn(event.currentTarget.checked)} />
        Use single-key shortcuts
      </label>
      <form method="dialog">
        <button>Close</button>
      </form>
    </dialog>
  );
}
