import { expect, test } from 'vitest';
import type { LogEvent } from '../../data/operations';
import { isProblem } from './part';
import { detailOf } from './words';

const event: LogEvent = { __typename: '', cursor: '1', type: 'BATCH_TIMED_OUT', occurredAt: '', subjectId: '' };

test('the end of a batch has all its items, in words', () => {
  const batch = { ...event, totalItems: 1_900, processed: 1_548, failed: 75 };
  expect(detailOf(batch)).toBe('1,548 of 1,900 completed, 75 failed, 277 timed out or canceled');
  expect(detailOf({ ...batch, type: 'BATCH_PROGRESS' })).toBe('1,548 of 1,900 completed, 75 failed');
  expect(detailOf({ ...batch, type: 'BATCH_COMPLETED', failed: 352 })).toBe('1,548 of 1,900 completed, 352 failed');
  expect(detailOf({ ...batch, type: 'BATCH_DELETED' })).toBe('');
});

test('a recovery is no problem', () => {
  const alert = { ...event, type: 'ALERT', component: 'queue' };
  expect(['HEALTHY', 'DEGRADED', 'UNHEALTHY'].map((health) => isProblem({ ...alert, health }))).toEqual([false, true, true]);
  expect([isProblem(event), isProblem({ ...event, type: 'BATCH_COMPLETED' })]).toEqual([true, false]);
});
