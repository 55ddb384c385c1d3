import { expect, test } from 'vitest';
import { spansOf } from './spans';

const at = (seconds: number) => new Date(1_000_000_000_000 + seconds * 1000).toISOString();
const attempt = (number: number, run: number, start: number, end: number | null, code?: string) => ({
  number,
  run,
  startedAt: at(start),
  finishedAt: end === null ? null : at(end),
  error: code ? { code } : null,
});

test('a run is its waits and attempts', () => {
  expect(spansOf(at(0), [], 0)).toEqual([]);
  expect(spansOf(at(0), [attempt(1, 1, 2, 3, 'ANALYZER_FAILED'), attempt(2, 1, 7, 7.5)], 0)).toEqual([
    { kind: 'waited', words: 'waited', milliseconds: 2000 },
    { kind: 'failed', words: 'attempt 1', milliseconds: 1000 },
    { kind: 'waited', words: 'waited', milliseconds: 4000 },
    { kind: 'completed', words: 'attempt 2', milliseconds: 500 },
  ]);
});

test('only the last run counts, whose first wait is unknown', () => {
  const attempts = [attempt(1, 1, 2, 3, 'TIMED_OUT'), attempt(2, 2, 90_000, 90_001, 'TIMED_OUT'), attempt(3, 2, 90_002, null)];
  expect(spansOf(at(0), attempts, Date.parse(at(90_005)))).toEqual([
    { kind: 'timed_out', words: 'attempt 2', milliseconds: 1000 },
    { kind: 'waited', words: 'waited', milliseconds: 1000 },
    { kind: 'running', words: 'attempt 3', milliseconds: 3000 },
  ]);
});
