import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.unstubAllGlobals());

test('a path without a text is not readable', async () => {
  vi.stubGlobal('location', new URL('http://assay/dashboard/'));
  const { isReadable } = await import('./address');
  for (const path of ['/dashboard/analyses/%', '/dashboard/analyses/%E0%A4%A', '/dashboard/id/%zz']) expect(isReadable(path)).toBe(false);
  for (const path of ['/dashboard', '/dashboard/id/a%2Fb', '/dashboard/batches/%E2%82%AC']) expect(isReadable(path)).toBe(true);
});
