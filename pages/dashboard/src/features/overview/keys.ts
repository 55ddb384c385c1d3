/** The shortcuts of the overview: its batches. */
import type { Shortcut } from '../../ui/shortcuts';

const focused = () => document.activeElement?.closest<HTMLElement>('.of-batch') ?? null;

/** Moves the focus by `step` batches. Without a focused batch, moves it to the first. */
function move(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('.of-batch')];
  const at = focused() ? rows.indexOf(focused()!) : -1;
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
  next?.querySelector<HTMLElement>('a')?.focus();
}

export const KEYS: readonly Shortcut[] = [
  { key: 'j', what: 'next batch', act: () => move(1) },
  { key: 'k', what: 'previous batch', act: () => move(-1) },
  { key: 'r', what: 'retry the items of this batch', act: () => focused()?.querySelector<HTMLButtonElement>('[data-act=Retry]')?.click() },
];
