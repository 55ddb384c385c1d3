/** The titles of the visible events, read together. In the subscription, the server would read one for each event. */
import { useEffect, useReducer } from 'preact/hooks';
import { query } from '../../data/client';
import { TitlesDocument } from '../../data/gql/graphql';

/** Milliseconds between two readings. */
const READ_MS = 200;
const MOST = 5_000;

/** By id. Null for an object without a title, or that does not exist. */
const known = new Map<string, string | null>();
let due: ReturnType<typeof setTimeout> | undefined;

async function read(ids: string[]): Promise<void> {
  due = undefined;
  if (known.size > MOST) known.clear();
  try {
    const { nodes } = await query(TitlesDocument, { ids });
    ids.forEach((id, index) => {
      const { title, name }: { id?: string; title?: string; name?: string | null } = nodes[index] ?? {};
      known.set(id, title ?? name ?? null);
    });
  } catch {
    // The next drawing asks again.
  }
}

/** Returns a function for the title of an object. It redraws the component after a reading. */
export function useTitles(ids: string[]): (id: string) => string | null {
  const [, draw] = useReducer<number, void>((drawings) => drawings + 1, 0);
  const missing = [...new Set(ids)].filter((id) => !known.has(id)).slice(0, 100);
  useEffect(() => {
    if (missing.length) due ??= setTimeout(() => void read(missing).then(() => draw()), READ_MS);
  });
  return (id) => known.get(id) ?? null;
}
