import { expect, test } from 'vitest';
import { filterOf, itemsOf, orderOf } from './filter';
import { canceled, outcomes, paceOf, prospects, rateOf, retried, timeOf } from './words';

const NONE = { totalItems: 500, processed: 0, failed: 0, canceled: 0, timedOut: 0, running: 0, queued: 0, retryableItems: 0, refusedItems: 0 };

test('a filter has only what the address says', () => {
  const now = Date.parse('2026-03-01T12:00:10Z');
  expect(filterOf({}, now)).toBeNull();
  expect(filterOf({ status: 'FAILED', failures: 'some', range: 'ever', after: 'c' }, now)).toBeNull();
  expect(filterOf({ status: 'RUNNING', q: 'five', failures: 'yes', range: '1h' }, now)).toEqual({
    status: ['RUNNING'],
    name: 'five',
    withFailures: true,
    createdAfter: '2026-03-01T11:00:00.000Z',
  });
  expect(orderOf({ order: 'failed' })).toEqual({ field: 'FAILED' });
  expect([orderOf({}), orderOf({ order: 'toString' })]).toEqual([null, null]);
  expect(itemsOf('batch_1', { status: 'FAILED', error: 'f', q: 'late' })).toEqual({
    batchId: 'batch_1',
    status: ['FAILED'],
    errorFingerprint: 'f',
    search: 'late',
  });
});

test('only present outcomes have words', () => {
  const batch = { ...NONE, processed: 484, failed: 16, refusedItems: 1 };
  expect(outcomes(batch).map(({ words }) => words)).toEqual(['484 completed', '16 failed, 1 of them refused']);
  expect(outcomes(NONE)).toEqual([]);
});

test('the buttons say the number of items', () => {
  expect(retried({ ...NONE, failed: 16, refusedItems: 1, retryableItems: 15 })).toBe('15 failed items');
  expect(retried({ ...NONE, failed: 1, refusedItems: 1, canceled: 1, retryableItems: 1 })).toBe('1 canceled item');
  expect(retried({ ...NONE, failed: 3, timedOut: 2, retryableItems: 5 })).toBe('5 items');
  expect(canceled({ ...NONE, queued: 181 })).toBe('181 queued items');
  expect(canceled({ ...NONE, queued: 181, running: 3 })).toBe('184 queued and running items');
  expect(canceled({ ...NONE, running: 1 })).toBe('1 running item');
});

test('a running batch has a rate and a time left, an ended one those of all runs', () => {
  const running = { status: 'RUNNING', running: 2, itemsPerSecond: 96.4, totalProcessingTimeMs: null, processed: 50, failed: 1, progress: { fraction: 0.1, etaSeconds: 4.2 } } as const;
  expect([rateOf(running, false), timeOf(running, false)]).toEqual(['96', '4 s left']);
  expect([rateOf({ ...running, itemsPerSecond: null }, false), timeOf({ ...running, progress: { fraction: 0, etaSeconds: null } }, false)]).toEqual([null, null]);
  const ended = { ...running, status: 'CANCELED', running: 0, totalProcessingTimeMs: 63_000, processed: 484, failed: 16 } as const;
  expect([rateOf(ended, true), timeOf(ended, true)]).toEqual(['7.9', 'took 1 min 3 s']);
  expect(paceOf(ended, false)).toBe('took 1 min 3 s, 7.9 items a second');
  expect([rateOf({ ...ended, totalProcessingTimeMs: 0 }, false), timeOf({ ...ended, totalProcessingTimeMs: null }, false)]).toEqual([null, null]);
  expect(paceOf({ ...ended, totalProcessingTimeMs: 0 }, false)).toBe('no item ran');
});

test('a batch that waits for the end of a pause promises no end', () => {
  const running = { status: 'RUNNING', running: 1, itemsPerSecond: 1.7, totalProcessingTimeMs: null, processed: 50, failed: 0, progress: { fraction: 0.1, etaSeconds: 255 } } as const;
  const waiting = { ...running, running: 0 } as const;
  expect(paceOf(waiting, true)).toBe('paused');
  expect([rateOf(waiting, true), paceOf(waiting, false), paceOf(running, true)]).toEqual([null, '4 min 15 s left, 1.7 items a second', '4 min 15 s left, 1.7 items a second']);
});

test('an error says whether a retry can help', () => {
  const group = (retryableItems: number, retryable: boolean) => ({ count: 3, retryableItems, examples: [{ error: { retryable } }] });
  expect([group(0, false), group(3, false), group(3, true), group(2, true)].map(prospects)).toEqual([
    'a retry cannot help',
    'a retry helps only if the cause is gone',
    'can be retried',
    '2 can be retried',
  ]);
});
