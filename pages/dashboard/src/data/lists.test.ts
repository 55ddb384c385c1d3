import { expect, test } from 'vitest';
import { changed, firstRow, partOfName, position, rangeSeconds, rangeStart, searchOf, statuses } from './lists';

test('a change of the filter begins on the first page and keeps the rest', () => {
  const query = { status: 'FAILED', q: 'late', after: 'c1', from: '51' };
  expect(changed(query, { status: null })).toEqual({ status: null, q: 'late' });
  expect(changed(query, { after: 'c2', from: '101' })).toEqual({ status: 'FAILED', q: 'late', after: 'c2', from: '101' });
});

test.each([
  [{}, { first: 50 }, 1],
  [{ after: 'c', from: '51' }, { first: 50, after: 'c' }, 51],
  [{ before: 'c', from: '101' }, { last: 50, before: 'c' }, 101],
  [{ after: 'c' }, { first: 50, after: 'c' }, null],
  [{ after: 'c', from: '-3' }, { first: 50, after: 'c' }, null],
  [{ after: 'c', from: 'x' }, { first: 50, after: 'c' }, null],
])('the page %j', (query, page, row) => {
  expect(position(query as Record<string, string>, 50)).toEqual(page);
  expect(firstRow(query as Record<string, string>)).toBe(row);
});

test.each([
  ['15min', 900],
  ['24h', 86_400],
  ['7d', 604_800],
  ['', null],
  [undefined, null],
  ['7 d', null],
  ['h', null],
  ['1w', null],
])('the range %s', (text, seconds) => {
  expect(rangeSeconds(text)).toBe(seconds);
});

test('the start of a range is the same for two drawings, and at most a sixtieth early', () => {
  const now = Date.parse('2026-03-01T12:00:10Z');
  expect(rangeStart(3_600, now)).toBe('2026-03-01T11:00:00.000Z');
  expect(rangeStart(3_600, now + 40_000)).toBe('2026-03-01T11:00:00.000Z');
  expect(rangeStart(3_600, now + 60_000)).toBe('2026-03-01T11:01:00.000Z');
});

test('unknown statuses are left out, in the order of the schema', () => {
  expect(statuses('TIMED_OUT,FAILED,BROKEN', ['QUEUED', 'FAILED', 'TIMED_OUT'])).toEqual(['FAILED', 'TIMED_OUT']);
  expect(statuses(undefined, ['QUEUED'])).toEqual([]);
});

test('a search sends as much of a text as the server takes', () => {
  expect(searchOf(' a late\u00a0train\u0000\t')).toBe('a late train');
  expect(searchOf('1 2 3 4 5 6 7 8 9 10 11')).toBe('1 2 3 4 5 6 7 8 9 10');
  expect(searchOf('\u{1f686}'.repeat(300))).toBe('\u{1f686}'.repeat(200));
  expect([searchOf(undefined), searchOf(' \u0000')]).toEqual(['', '']);
  expect(partOfName(`a  b${'c'.repeat(300)}\u0000`)).toBe(`a  b${'c'.repeat(196)}`);
});
