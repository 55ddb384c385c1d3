/** Single-key shortcuts. They can be turned off (WCAG 2.2, 2.1.4). A mounted page adds its own, which go before the frame's. */
import { useLayoutEffect } from 'preact/hooks';
import { Store } from '../data/store';

export interface Shortcut {
  key: string;
  /** For the list of shortcuts. */
  what: string;
  act: () => void;
}

const STORED = 'assay.keys';

/** Returns the local storage. A browser without storage for this page throws at its name. */
function kept(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

export const areOn = new Store(kept()?.getItem(STORED) !== 'off');
export const shortcuts = new Store<readonly (readonly Shortcut[])[]>([]);

export function turn(isOn: boolean): void {
  kept()?.setItem(STORED, isOn ? 'on' : 'off');
  areOn.set(isOn);
}

/** Offers shortcuts from the first drawing of the component on. `list` is the same array at each drawing. */
export function useShortcuts(list: readonly Shortcut[]): void {
  useLayoutEffect(() => {
    shortcuts.set([list, ...shortcuts.value]);
    return () => shortcuts.set(shortcuts.value.filter((each) => each !== list));
  }, [list]);
}

function isTyping(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement;
  return event.ctrlKey || event.metaKey || event.altKey || at.closest('textarea, select, dialog, input:not([type=checkbox])') !== null;
}

/** The first key of two, such as `g`, until the second. */
let begun = '';

export function listen(): () => void {
  const act = (event: KeyboardEvent) => {
    if (!areOn.value || isTyping(event)) return;
    const all = shortcuts.value.flat();
    const typed = begun ? `${begun} ${event.key}` : event.key;
    begun = '';
    const found = all.find(({ key }) => key === typed);
    if (found) {
      event.preventDefault();
      found.act();
    } else if (all.some(({ key }) => key.startsWith(`${event.key} `))) {
      begun = event.key;
    }
  };
  addEventListener('keydown', act);
  return () => removeEventListener('keydown', act);
}
