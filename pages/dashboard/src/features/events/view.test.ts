import { expect, test } from 'vitest';
import type { Log } from '../../data/log';
import { nameOf, partOf, shownOf, TYPES, typesOf } from './part';
import { View } from './view';

const log: Log = { events: [], total: 0, generation: 0, resumed: new Set() };

function happen(...types: string[]): Log {
  for (const type of types) log.events.push({ __typename: '', cursor: String(++log.total), type, occurredAt: '', subjectId: '' });
  return log;
}

const cursors = (rows: { cursor: string }[]) => rows.map(({ cursor }) => cursor).join(' ');

test('a view has each event of its types once, also over a pause and another choice of types', () => {
  const of = (...types: string[]) => shownOf(new Set(types), undefined);
  const view = new View(of('A', 'ANALYSIS_FAILED'));
  expect(view.catchUp(happen('A', 'B', 'ANALYSIS_FAILED'))).toBe(2);
  expect(view.catchUp(log)).toBe(0);
  view.pause();
  expect(view.catchUp(happen('A', 'B'))).toBe(0);
  expect([cursors(view.rows), cursors(view.waiting), view.problems]).toEqual(['1 3', '4', 1]);
  view.show(of('B'), log);
  expect([cursors(view.rows), cursors(view.waiting)]).toEqual(['2', '5']);
  view.catchUp(happen('B'));
  expect(view.resume()).toBe(2);
  expect(cursors(view.rows)).toBe('2 5 6');
  view.show(of('A', 'B'), log);
  expect(cursors(view.rows)).toBe('1 2 4 5 6');
  log.generation++;
  log.events = [];
  log.total = 0;
  view.catchUp(happen('A'));
  expect([cursors(view.rows), view.problems]).toEqual(['1', 0]);
});

test('problems only leaves out recoveries, and keeps retries by the server', () => {
  const isShown = shownOf(new Set(TYPES), 'only');
  const event = { __typename: '', cursor: '1', occurredAt: '', subjectId: '' };
  const alerts = ['DEGRADED', 'HEALTHY', 'UNHEALTHY'].map((health) => ({ ...event, type: 'ALERT', health }));
  expect(alerts.map(isShown)).toEqual([true, false, true]);
  expect(['ANALYSIS_RETRYING', 'ANALYSIS_FAILED', 'ANALYSIS_QUEUED'].map((type) => isShown({ ...event, type }))).toEqual([true, true, false]);
});

test('starts and progress are off at first, and the address has each other choice', () => {
  expect([...TYPES].filter((type) => !typesOf(undefined).has(type))).toEqual(['ANALYSIS_STARTED', 'ANALYSIS_PROGRESS', 'BATCH_STARTED', 'BATCH_PROGRESS', 'BULK_ACTION_PROGRESS']);
  expect(nameOf(typesOf(undefined))).toBeNull();
  for (const text of ['all', 'none', 'ANALYSIS_FAILED,ALERT']) expect(nameOf(typesOf(text))).toBe(text);
  expect(typesOf('BROKEN').size).toBe(0);
});

test('a part of the log has the conditions of the address', () => {
  const batch = `batch_${'0'.repeat(26)}`;
  expect(partOf({})).toEqual({ filter: null, since: null });
  expect(partOf({ since: '1h', types: 'all' })).toEqual({ filter: null, since: 3_600 });
  expect(partOf({ subject: ` ${batch}`, since: '7d' })).toEqual({ filter: { batchId: batch }, since: 604_800 });
  expect(partOf({ subject: 'batch_1\u0000' })).toEqual({ filter: { subjectId: 'batch_1' }, since: 1e10 });
  expect(partOf({ problems: 'only' })).toEqual({ filter: { problemsOnly: true }, since: 86_400 });
});
