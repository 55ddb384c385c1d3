import { expect, test } from 'vitest';
import { draftOf } from './draft';
import { fieldsOf, fitting } from './schema';

const EMPTY = {
  analyzer: 'text',
  entries: {},
  settings: { name: '', priority: '5', timeoutSeconds: '300', maxAttempts: '3' },
  many: { text: '', format: 'lines', file: null },
};

test.each([
  null,
  'abc',
  [],
  { many: { text: 5 } },
  { many: null, entries: null, settings: null, analyzer: null },
  { many: { text: 'a', format: 'xml', file: null } },
  { entries: [], settings: { priority: 5 } },
  { entries: { text: null, echo: { text: 5 } } },
])('a damaged draft is empty: %j', (kept) => {
  expect(draftOf(kept)).toEqual(EMPTY);
});

test('the parts of a draft that suit the form stay', () => {
  const draft = {
    ...EMPTY,
    analyzer: 'echo',
    entries: { echo: { text: 'a', operations: ['LANGUAGE'], isLoud: true } },
    many: { text: 'a\nb', format: 'csv', file: 'a.csv' },
  };
  expect(draftOf(JSON.parse(JSON.stringify(draft)))).toEqual(draft);
  expect(draftOf({ ...draft, settings: { priority: '7', name: [] } })).toEqual({ ...draft, settings: { ...EMPTY.settings, priority: '7' } });
});

test('an entry of another type than its field is left out', () => {
  const request = {
    properties: { text: { type: 'string' }, isLoud: { type: 'boolean' }, operations: { type: 'array', items: { enum: ['LANGUAGE'] } } },
  };
  const fields = fieldsOf(request, {});
  expect(fitting(fields, { text: ['a'], isLoud: 'yes', operations: 'LANGUAGE' })).toEqual({});
  expect(fitting(fields, { text: 'a', isLoud: false, operations: [], other: 'b' })).toEqual({ text: 'a', isLoud: false, operations: [] });
});
