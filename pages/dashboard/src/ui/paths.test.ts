import { expect, test } from 'vitest';
import { columnsOf, gapsOf, linesOf, roundCount, roundSeconds } from './paths';

test('a line has gaps, and a single value is a line of one step', () => {
  expect(linesOf([1, 2, null, 3, null], 50, (value) => 10 - value)).toBe('M5 9L15 8M30 7h10');
  expect(linesOf([null], 50, (value) => value)).toBe('');
});

test('columns stand on each other', () => {
  expect(columnsOf([4, 0], [6, 1], 20, 100)).toBe('M0.9 94h8.2v-4h-8.2z');
});

test('stretches without a server', () => {
  expect(gapsOf([false, false, true, false], 40, 9)).toBe('M0 0H20V9H0zM30 0H40V9H30z');
  expect(gapsOf([true], 40, 9)).toBe('');
});

test('the top of an axis is round, and not below the value', () => {
  expect([0, 3, 5, 18, 212, 1_400].map(roundCount)).toEqual([1, 3, 5, 20, 300, 1_500]);
  expect([0, 0.25, 7, 61, 100_000].map(roundSeconds)).toEqual([0.001, 0.3, 10, 120, 172_800]);
});
