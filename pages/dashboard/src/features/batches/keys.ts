/** The shortcuts of the list of batches. They act on the row with the focus. */
import { useMemo, useRef } from 'preact/hooks';
import { move, row } from '../../ui/listKeys';
import { useShortcuts, type Shortcut } from '../../ui/shortcuts';

const press = (verb: string) => row()?.querySelector<HTMLButtonElement>(`button[data-act=${verb}]`)?.click();

export function useBatchKeys(showNewer: () => void): void {
  const newest = useRef(showNewer);
  newest.current = showNewer;
  const list = useMemo<Shortcut[]>(
    () => [
      { key: 'j', what: 'next batch', act: () => move(1) },
      { key: 'k', what: 'previous batch', act: () => move(-1) },
      { key: 'r', what: 'retry its failed, canceled and timed-out items', act: () => press('Retry') },
      { key: 'c', what: 'cancel this batch', act: () => press('Cancel') },
      { key: '.', what: 'show new batches', act: () => newest.current() },
    ],
    [],
  );
  useShortcuts(list);
}
