import { expect, test } from 'vitest';
import { label, sorted } from './Generic';

test('numbers are figures, scalars facts, the rest stays', () => {
  const data = { score: 0.2, tags: [], summary: 's', letters: 12, isLong: true, kind: 'poem', none: null, words: [{ text: 'a' }], long: 'x'.repeat(201) };
  expect(sorted(data)).toEqual({
    figures: [['letters', 12]],
    facts: [
      ['isLong', 'true'],
      ['kind', 'poem'],
    ],
    rest: { words: [{ text: 'a' }], long: 'x'.repeat(201) },
  });
});

test('the ninth number is a fact, and a list is one value', () => {
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`n${index}`, index]));
  expect(sorted(many).figures).toHaveLength(8);
  expect(sorted(many).facts).toEqual([['n8', '8']]);
  expect(sorted([1, 2]).rest).toEqual({ data: [1, 2] });
});

test('names are words', () => {
  expect(['readingTimeSeconds', 'reading_time', 'p95Ms'].map(label)).toEqual(['Reading time seconds', 'Reading time', 'P95 ms']);
});
