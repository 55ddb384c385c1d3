import { expect, test } from 'vitest';
import type { OverviewBatchFragment } from '../../data/gql/graphql';
import { summaryOf } from './outcomes';

const BATCH: OverviewBatchFragment = {
  id: 'batch_1',
  name: null,
  status: 'RUNNING',
  totalItems: 500,
  processed: 303,
  failed: 16,
  canceled: 0,
  timedOut: 0,
  running: 0,
  queued: 181,
  retryableItems: 16,
  itemsPerSecond: 1.7,
  totalProcessingTimeMs: null,
  progress: { etaSeconds: 255 },
};

test('a batch in work has a rate and a time left', () => {
  expect(summaryOf(BATCH, false)).toBe('303 completed, 16 failed, 181 queued; 1.7 a second, 4 min 15 s left');
});

test('in a paused queue, only a batch with running items has them', () => {
  expect(summaryOf(BATCH, true)).toBe('303 completed, 16 failed, 181 queued; paused');
  expect(summaryOf({ ...BATCH, running: 1, queued: 180 }, true)).toBe('303 completed, 16 failed, 1 running, 180 queued; 1.7 a second, 4 min 15 s left');
  const ended: OverviewBatchFragment = { ...BATCH, status: 'COMPLETED', processed: 484, queued: 0, totalProcessingTimeMs: 63_000 };
  expect(summaryOf(ended, true)).toBe('484 completed, 16 failed; took 1 min 3 s');
});
