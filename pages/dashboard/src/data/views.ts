/** Saved views: the filters of a list by a name, kept in this browser. A view is a link. */
import { Kept } from './kept';
import type { Query } from './lists';
import { isList, isObject, isText } from './shape';

export interface View {
  name: string;
  /** The address of the list, such as `analyses`. */
  path: string;
  query: Query;
}

/** The most views of all lists. */
export const MOST_VIEWS = 20;

const isView = (value: unknown): value is View =>
  isObject(value) && isText(value.name) && isText(value.path) && isObject(value.query) && Object.values(value.query).every(isText);

export const views = new Kept<View[]>('assay.views', [], (value) => isList(value, isView));

const isOther = (one: View) => (other: View) => other.name !== one.name || other.path !== one.path;

/** Saves a view, in place of one with the same name. */
export function save(view: View): void {
  views.change((all) => {
    const others = all.filter(isOther(view));
    return others.length < MOST_VIEWS ? [...others, view].sort((a, b) => a.name.localeCompare(b.name)) : all;
  });
}

export function remove(view: View): void {
  views.change((all) => all.filter(isOther(view)));
}
