import { expect, test } from 'vitest';
import { bytes, percent } from './clock';
import { columns, last, most, rangeOf, sum } from './range';

const point = (second: number, queued: number | null) => ({ at: new Date(second * 1000).toISOString(), queued });

test('a range is one of three, by default the shortest', () => {
  expect([{}, { range: '24h' }, { range: '7d' }].map((query) => rangeOf(query).name)).toEqual(['15min', '24h', '15min']);
});

test('columns begin at multiples of their length, and know whether a server ran', () => {
  const found = columns([point(95, null), point(100, null), point(105, 2), point(110, 3)], 5, 2);
  expect(found.map(({ at, points, isKnown }) => [at / 1000, points.length, isKnown])).toEqual([
    [90, 1, false],
    [100, 2, true],
    [110, 1, true],
  ]);
});

test('unknown values are no zeros', () => {
  const values = [null, 2, 0, null];
  expect([sum(values), most(values), last(values)]).toEqual([2, 2, 0]);
  expect([sum([null]), most([]), last([undefined])]).toEqual([null, null, null]);
});

test('bytes and shares', () => {
  expect([0, 999, 1_000, 123_456, 9_960_000, 2.5e12].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '123 kB', '10 MB', '2.5 TB']);
  expect([0, 0.0004, 0.0115, 0.5, 1].map(percent)).toEqual(['0 %', 'under 0.1 %', '1.1 %', '50 %', '100 %']);
});
