/** Messages about actions, for six seconds, at most three at once. The frame shows them. */
import { Store } from '../data/store';

export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  link?: { href: string; words: string } | undefined;
}

const SHOWN_MS = 6_000;
const MOST = 3;

export const toasts = new Store<Toast[]>([]);
let last = 0;

export function toast(text: string, kind: Toast['kind'] = 'done', link?: Toast['link']): void {
  const id = ++last;
  toasts.set([...toasts.value, { id, kind, text, link }].slice(-MOST));
  setTimeout(() => toasts.set(toasts.value.filter((each) => each.id !== id)), SHOWN_MS);
}
