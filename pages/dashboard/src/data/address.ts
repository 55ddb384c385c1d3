/**
 * Addresses of the server. They are relative to this module, which the build puts below `/dashboard/assets/`, because a proxy
 * may serve Assay below a path.
 */
const ROOT = import.meta.env.DEV ? new URL('/', location.href) : new URL(/* @vite-ignore */ '../../', import.meta.url);

/** The path of the app, with a slash at its end. */
export const BASE = new URL('dashboard/', ROOT).pathname;
export const GRAPHQL = new URL('graphql', ROOT).href;
export const AUTH = new URL('auth/', ROOT).href;
/** The path of files that the server makes of lists, such as `analyses.csv`. */
export const FILES = ROOT.href;
export const METRICS = new URL('metrics', ROOT).href;

/** Returns the address of a page, such as `analyses`, with its query. Parameters without a value are left out. */
export function href(path: string, query: Record<string, string | null | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(given).toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  return BASE + path + (text && `?${text}`);
}

/** Returns the id of an object with a page that the text is, or null. */
export function idOf(text: string): string | null {
  const id = text.trim().toLowerCase();
  return /^(analysis|batch|bulk)_\w+$/.test(id) ? id : null;
}

/** Returns the page of an object by its id, such as `batch_…`. */
export function hrefOf(id: string): string {
  const folder = id.startsWith('batch_') ? 'batches' : id.startsWith('bulk_') ? 'bulk' : 'analyses';
  return href(`${folder}/${encodeURIComponent(id)}`);
}

/** Returns the address in the form of this app for one of an earlier version, such as `#/batch/ID`, or null. */
export function moved(hash: string): string | null {
  const match = /^#\/(?:batch|analysis)\/([\w-]+)$/.exec(hash);
  return match && hrefOf(match[1]!);
}

/** Whether the router can read a path: `analyses/%` has no text. */
export function isReadable(path: string): boolean {
  try {
    return decodeURIComponent(path) !== ''; // the build drops a call without a use
  } catch {
    return false;
  }
}
