import { expect, test } from 'vitest';
import { conditionsOf, filterOf, orderOf, phraseOf } from './filter';

test('a filter has only what the address says', () => {
  const now = Date.parse('2026-03-01T12:00:10Z');
  expect(filterOf({}, now)).toBeNull();
  expect(filterOf({ after: 'c', tab: 'x' }, now)).toBeNull();
  expect(filterOf({ status: 'BROKEN', range: 'ever' }, now)).toBeNull();
  expect(filterOf({ status: 'FAILED', analyzer: 'text,echo', q: 'late', range: '1h', batch: 'batch_1' }, now)).toEqual({
    status: ['FAILED'],
    analyzer: ['text', 'echo'],
    search: 'late',
    batchId: 'batch_1',
    createdAfter: '2026-03-01T11:00:00.000Z',
  });
});

test('each condition can also exclude', () => {
  const query = { 'not.analyzer': 'echo', 'not.error': 'f1', code: 'WORKER_LOST,BROKEN', key: 'row 5', range: '24h', status: 'FAILED', q: 'late' };
  expect(filterOf(query, Date.parse('2026-03-02T00:00:00Z'))).toEqual({
    status: ['FAILED'],
    errorCode: ['WORKER_LOST'],
    key: ['row 5'],
    search: 'late',
    createdAfter: '2026-03-01T00:00:00.000Z',
    not: { analyzer: ['echo'], errorFingerprint: 'f1' },
  });
  const conditions = conditionsOf(query, 'no station …');
  expect(conditions.map(({ name, label, value }) => `${name}: ${label} ${value}`)).toEqual([
    'range: Created last 24 h',
    'key: Key row 5',
    'code: Error worker lost',
    'not.analyzer: Analyzer not echo',
    'not.error: Error not no station …',
  ]);
  expect(phraseOf(query, conditions.slice(0, 1))).toBe('failed, created in the last 24 h, with the words late');
});

test('all of the tags', () => {
  const query = { tag: 'english, late%2C train', 'not.tag': 'positive' };
  expect(filterOf(query, 0)).toEqual({ tags: ['english', 'late, train'], not: { tags: ['positive'] } });
  const conditions = conditionsOf(query, undefined);
  expect(conditions.map(({ name, label, value }) => `${name}: ${label} ${value}`)).toEqual(['tag: Tags english, late, train', 'not.tag: Tags not positive']);
  expect(phraseOf(query, conditions)).toBe('tags english, late, train, tags not positive');
  expect(conditionsOf({ tag: ' ,' }, undefined)).toEqual([]);
});

test('unknown words neither filter nor show a condition', () => {
  const query = { code: 'NOPE', 'not.status': 'BOGUS', status: 'FAILED,BOGUS', ended: 'ever' };
  expect(filterOf(query, 0)).toEqual({ status: ['FAILED'] });
  expect(conditionsOf(query, undefined)).toEqual([]);
  expect(phraseOf(query, [])).toBe('failed');
});

test('a range may be that of the ends', () => {
  const query = { ended: '24h', batch: 'batch_00000000000000000000000000' };
  expect(filterOf(query, Date.parse('2026-03-02T00:00:00Z'))?.finishedAfter).toBe('2026-03-01T00:00:00.000Z');
  expect(phraseOf(query, conditionsOf(query, undefined))).toBe('ended in the last 24 h, in batch …00000000');
});

test('an unknown order is the newest first', () => {
  expect([{}, { order: '-created' }, { order: 'size' }, { order: '-' }].map((query) => orderOf(query as Record<string, string>))).toEqual([null, null, null, null]);
  expect(orderOf({ order: 'created' })).toEqual({ field: 'CREATED_AT', direction: 'ASC' });
  expect(orderOf({ order: '-took' })).toEqual({ field: 'PROCESSING_TIME', direction: 'DESC' });
});
