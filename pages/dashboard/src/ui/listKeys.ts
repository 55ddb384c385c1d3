/** The shortcuts of the list. They act on the row with the focus. */
import { useMemo, useRef } from 'preact/hooks';
import { useShortcuts, type Shortcut } from './shortcuts';
import { cancel, each, retry } from './actions';

const links = () => [...document.querySelectorAll<HTMLElement>('.sheet a.name')];
export const row = () => document.activeElement?.closest<HTMLElement>('.sheet tr[data-id]') ?? null;

export function move(step: number): void {
  const all = links();
  const at = all.findIndex((link) => link.closest('tr') === row());
  all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]?.focus();
}

export function useListKeys({ showNewer }: { showNewer: () => void }): void {
  const newest = useRef(showNewer);
  newest.current = showNewer;
  const list = useMemo<Shortcut[]>(() => {
    const act = (work: typeof retry, done: string) => {
      const id = row()?.dataset.id;
      if (id) void each([id], work, done);
    };
    return [
      { key: 'j', what: 'next row', act: () => move(1) },
      { key: 'k', what: 'previous row', act: () => move(-1) },
      { key: 'x', what: 'select this row', act: () => row()?.querySelector<HTMLInputElement>('input')?.click() },
      { key: 'r', what: 'retry this analysis', act: () => act(retry, 'Queued again:') },
      { key: 'c', what: 'cancel this analysis', act: () => act(cancel, 'Canceled:') },
      { key: '.', what: 'show new rows', act: () => newest.current() },
    ];
  }, []);
  useShortcuts(list);
}
