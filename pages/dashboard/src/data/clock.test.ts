import { expect, test } from 'vitest';
import { duration, elapsed, heard, milliseconds, rate } from './clock';

test.each([
  [0, '0 s'],
  [0.0004, '1 ms'],
  [0.5, '0.5 s'],
  [4, '4 s'],
  [9.94, '9.9 s'],
  [59.4, '59 s'],
  [63, '1 min 3 s'],
  [59.6, '1 min'],
  [3_600, '1 h'],
  [90_000, '1 d 1 h'],
])('%d seconds', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('milliseconds and rates have two digits at least', () => {
  expect([null, 0, 0.62, 1.66, 412, 4_800].map(milliseconds)).toEqual(['–', '0 ms', '0.62 ms', '1.7 ms', '412 ms', '4.8 s']);
  expect([0, 0.016, 1.04, 96.4, 1_200].map(rate)).toEqual(['0', '0.02', '1.0', '96', '1,200']);
});

test("elapsed times have one unit, by the server's clock", () => {
  const start = Date.now() + 3_600_000; // the server is an hour ahead
  heard(new Date(start).toISOString());
  const before = (seconds: number) => elapsed(new Date(start - seconds * 1000 - 500).toISOString());
  expect([0, 9, 63, 3_599, 7_300].map(before)).toEqual(['now', '9 s ago', '1 min ago', '59 min ago', '2 h ago']);
});
