import { expect, test } from 'vitest';
import { tagParameter, tagsOf } from './tags';

test('tags of an address', () => {
  expect(tagsOf(undefined)).toEqual([]);
  expect(tagsOf(' , ,')).toEqual([]);
  expect(tagsOf('english, late train ,english,100%')).toEqual(['english', 'late train', '100%']);
  expect(tagsOf(Array.from({ length: 11 }, (_, number) => number).join())).toHaveLength(10);
  expect(tagsOf(`${'🎉'.repeat(200)},${'x'.repeat(201)}`)).toEqual(['🎉'.repeat(200)]);
});

test.each(['english', 'a, b', '100%', '%2C', '%25,%', 'é 🎉'])('the parameter of a tag gives the tag: %s', (tag) => {
  expect(tagsOf(tagParameter(tag))).toEqual([tag]);
});
