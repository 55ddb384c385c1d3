import { expect, test } from 'vitest';
import { characters, entriesOf, fieldsOf, requestOf, type Schema } from './schema';

const REQUEST: Schema = {
  $defs: { Mode: { enum: ['MEAN', 'TOTAL'], type: 'string', description: 'The figure.' }, Scale: { type: 'object' } },
  properties: {
    text: { type: 'string', minLength: 1, maxLength: 1000, title: 'Text' },
    modes: { anyOf: [{ type: 'array', items: { $ref: '#/$defs/Mode' } }, { type: 'null' }], default: ['MEAN'], title: 'Modes' },
    mode: { anyOf: [{ $ref: '#/$defs/Mode' }, { type: 'null' }], default: 'MEAN' },
    topWords: { anyOf: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'null' }], default: null },
    isFast: { type: 'boolean', default: true, title: 'Is Fast' },
    scale: { $ref: '#/$defs/Scale', default: { factor: 1 } },
    names: { type: 'array', items: { type: 'string' }, default: [] },
    since: { anyOf: [{ type: 'string', format: 'date-time' } as Schema, { type: 'null' }], default: null },
  },
  required: ['text'],
};
const { text: _, ...options } = REQUEST.properties!;
const FIELDS = fieldsOf(REQUEST, { properties: options });

test('each property has a field of its kind', () => {
  expect(FIELDS.map(({ name, kind }) => [name, kind])).toEqual([
    ['text', 'text'],
    ['modes', 'choices'],
    ['mode', 'choice'],
    ['topWords', 'number'],
    ['isFast', 'flag'],
    ['scale', 'json'],
    ['names', 'words'],
    ['since', 'line'],
  ]);
  const [text, modes, mode, top] = FIELDS;
  expect(text).toMatchObject({ isContent: true, isRequired: true, most: 1000 });
  expect(modes).toMatchObject({ isContent: false, options: ['MEAN', 'TOTAL'], initial: ['MEAN'] });
  expect(mode).toMatchObject({ label: 'Mode', help: 'The figure.', options: ['MEAN', 'TOTAL'] });
  expect(top).toMatchObject({ label: 'Top words', least: 1, most: 9, isWhole: true });
});

test('a form without changes asks for the defaults', () => {
  expect(requestOf(FIELDS, { text: ' Hello ' })).toEqual({
    request: { text: ' Hello ', modes: ['MEAN'], mode: 'MEAN', isFast: true, scale: { factor: 1 } },
    faults: {},
  });
});

test('the input of an analysis fills the form, which gives the same request', () => {
  const values = { text: 'a\nb', modes: [], mode: 'TOTAL', topWords: 3, isFast: false, scale: { factor: 2 }, names: ['x', 'y z'], since: '2026-01-01' };
  expect(requestOf(FIELDS, entriesOf(FIELDS, values))).toEqual({ request: values, faults: {} });
});

test('a fault belongs to its field', () => {
  expect(requestOf(FIELDS, { text: 'a', topWords: '1.5', scale: '{' }).faults).toEqual({
    topWords: 'This must be a whole number.',
    scale: 'This is not valid JSON.',
  });
});

test('characters are code points', () => {
  expect(['', 'abc', 'é', '😀 a'].map(characters)).toEqual([0, 3, 1, 3]);
});
