import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let kept: Map<string, string>;
let isFull: boolean;

/** A browser's storage and its events, which come from other tabs. */
beforeEach(() => {
  kept = new Map();
  isFull = false;
  const tab = new EventTarget();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => {
      if (isFull) throw new Error('full');
      kept.set(name, text);
    },
  });
  vi.stubGlobal('addEventListener', tab.addEventListener.bind(tab));
  vi.stubGlobal('dispatchEvent', tab.dispatchEvent.bind(tab));
  vi.resetModules();
});

afterEach(() => vi.unstubAllGlobals());

/** What another tab does. */
function elsewhere(name: string, value: unknown, isHeard = true): void {
  kept.set(name, JSON.stringify(value));
  if (isHeard) dispatchEvent(Object.assign(new Event('storage'), { key: name }));
}

const view = (name: string) => ({ name, path: 'analyses', query: { q: name } });

test.each(['null', '{}', '[null]', '"abc"', '5', '{"a"', '', '[{"name":"a","path":"analyses"}]', '[{"name":"a","path":"analyses","query":{"q":5}}]'])(
  'damaged views are none: %s',
  async (text) => {
    kept.set('assay.views', text);
    const { views } = await import('./views');
    expect(views.value).toEqual([]);
  },
);

test('two tabs keep the views of both, also before the other one is heard', async () => {
  kept.set('assay.views', JSON.stringify([view('b')]));
  const { save, remove, views } = await import('./views');
  expect(views.value).toEqual([view('b')]);
  let drawn = 0;
  views.listen(() => drawn++);
  elsewhere('assay.views', [view('b'), view('c')]);
  expect(drawn).toBe(1);
  expect(views.value).toEqual([view('b'), view('c')]);
  elsewhere('assay.views', [view('b'), view('c'), view('d')], false);
  save(view('a'));
  expect(views.value.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  remove(view('c'));
  expect(JSON.parse(kept.get('assay.views')!)).toEqual([view('a'), view('b'), view('d')]);
});

test('other names of the storage change nothing, and an emptied storage everything', async () => {
  const { Kept } = await import('./kept');
  const rows = new Kept('rows', 50, (value): value is number => typeof value === 'number');
  elsewhere('columns', 7);
  expect(rows.value).toBe(50);
  elsewhere('rows', 100);
  expect(rows.value).toBe(100);
  elsewhere('rows', 'abc');
  expect(rows.value).toBe(50);
  kept.clear();
  dispatchEvent(Object.assign(new Event('storage'), { key: null }));
  expect(rows.value).toBe(50);
});

test('a full storage keeps the choice in the page', async () => {
  const { save, views } = await import('./views');
  isFull = true;
  save(view('a'));
  save(view('b'));
  expect(views.value).toEqual([view('a'), view('b')]);
});
