import { expect, test } from 'vitest';
import { formatOf, leftOut, MOST_ITEMS, namesOf, parse } from './items';
import { linesOf, outcomeOf } from './outcome';
import { fieldsOf } from './schema';

const OPTIONS = { mode: { enum: ['A', 'B'], type: 'string' }, isFast: { type: 'boolean' } };
const FIELDS = fieldsOf({ properties: { text: { type: 'string', maxLength: 10, title: 'Text' }, ...OPTIONS } }, { properties: OPTIONS });
const CONTENT = FIELDS[0]!;
const read = (text: string, format: 'lines' | 'csv' | 'jsonl') => parse(text, format, FIELDS, CONTENT);

test('the end of a name is its format', () => {
  expect(['a.txt', 'a.CSV', 'a.b.jsonl', 'a.ndjson', 'a.pdf', 'txt'].map(formatOf)).toEqual(['lines', 'csv', 'jsonl', 'jsonl', null, null]);
});

test('each line is an item, except empty and too long ones', () => {
  const { items, faults } = read('\uFEFFone\r\n\n  \ntwo, "x"\nelevenchars', 'lines');
  expect(items).toEqual([
    { line: 1, key: null, values: { text: 'one' } },
    { line: 4, key: null, values: { text: 'two, "x"' } },
  ]);
  expect(faults).toEqual([{ line: 5, message: 'The text has more than 10 characters.' }]);
});

test('a batch has a most of items', () => {
  const text = 'a\n'.repeat(MOST_ITEMS + 5);
  const { items, faults } = read(text, 'lines');
  expect(items.length).toBe(MOST_ITEMS);
  expect(faults).toEqual([{ line: MOST_ITEMS + 1, message: 'A batch has at most 10,000 items: this line and those after it are left out.', lines: 5 }]);
  expect(read('a\n'.repeat(MOST_ITEMS), 'lines').faults).toEqual([]);
});

test('columns of CSV are fields, the key, or of no use', () => {
  const { items, faults, unused } = read('key,text,isFast,mood\na,one,yes,x\nb,,no,x\na,two,,x\n', 'csv');
  expect(items).toEqual([{ line: 2, key: 'a', values: { text: 'one', isFast: true } }]);
  expect(faults).toEqual([
    { line: 3, message: 'The text is empty.' },
    { line: 4, message: 'The key a is that of line 2.' },
  ]);
  expect(unused).toEqual(['mood']);
  expect(read('review\nfine\n', 'csv').items).toEqual([{ line: 2, key: null, values: { text: 'fine' } }]);
  expect(read('a,b\n1,2\n', 'csv').faults.map(({ line }) => line)).toEqual([1]);
});

test('the lines beyond the most of a batch count among those left out', () => {
  expect(leftOut(read('a\n'.repeat(2 * MOST_ITEMS), 'lines').faults)).toBe(MOST_ITEMS);
  expect(leftOut(read(`${'a\n'.repeat(MOST_ITEMS)}too many characters\n${'a\n'.repeat(3)}`, 'lines').faults)).toBe(4);
  expect(leftOut(read(`text\n${'a\n'.repeat(MOST_ITEMS + 7)}`, 'csv').faults)).toBe(7);
  expect(leftOut(read('{\n"a"\n{', 'jsonl').faults)).toBe(2);
});

test('a broken line of CSV has a fault, and a broken first line refuses the file', () => {
  const cases: [text: string, items: number, faults: [line: number, message: string][], lines: number][] = [
    ['text,key\na,1\n"b,2\nc,3\n\nd,4\n', 1, [[3, 'A quotation mark is not closed.']], 4],
    ['text,key\na,1\n"b,2\nc,"3"\nd,4\n', 2, [[3, 'A quotation mark is not closed, or not doubled inside its cell.']], 2],
    ['text,key\na,1,x\nb,2\n', 1, [[2, 'The line has 3 cells, the first line has 2.']], 1],
    ['text\na, b\nc\n', 1, [[2, 'The line has 2 cells, the first line has 1.']], 1],
    ['text,key,text \na,1,b\nc,2,d\n', 0, [[1, 'Two columns are named text.']], 3],
    ['key,"text\n1,a\n2,b\n', 0, [[1, 'A quotation mark is not closed.']], 3],
    ['a,b\n1,2\n', 0, [[1, 'No column is named text. The first line must have the names of the columns.']], 2],
    ['text,key,,\na,1,,\nb\n', 2, [], 0],
  ];
  for (const [text, items, faults, lines] of cases) {
    const found = read(text, 'csv');
    expect(found.items.length, text).toBe(items);
    expect(found.faults.map(({ line, message }) => [line, message]), text).toEqual(faults);
    expect(leftOut(found.faults), text).toBe(lines);
  }
});

test('the names of columns are few and short', () => {
  expect(namesOf(['a', '', 'c'.repeat(400)])).toBe(`a, (no name), ${'c'.repeat(40)}…`);
  expect(namesOf(Array.from({ length: 1_234 }, (_, at) => `n${at}`))).toBe('n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, and 1,224 more');
  const { faults } = read(`{"${'c'.repeat(400)}": 1}`, 'jsonl');
  expect(faults[0]!.message).toBe(`There is no field ${'c'.repeat(40)}….`);
});

test('the priority of a line of JSON is a whole number from 1 to 10', () => {
  const { items, faults } = read(['1', '10', 'null', '1.5', '"9"', '0', '11', 'true', '[5]'].map((priority) => `{"text":"x","priority":${priority}}`).join('\n'), 'jsonl');
  expect(items.map(({ priority }) => priority)).toEqual([1, 10, undefined]);
  expect(faults).toEqual([4, 5, 6, 7, 8, 9].map((line) => ({ line, message: 'The priority must be a whole number from 1 to 10.' })));
  expect(read('{"request":[]}', 'jsonl').faults).toEqual([{ line: 1, message: 'The request must be an object.' }]);
});

test('a line of JSON is a text, an object of fields, or a whole request', () => {
  const lines = ['"one"', '{"key":"k","text":"two","mode":"B","priority":9}', '{"request":{"echo":{"x":1}}}', '{', '{"texts":"x"}', '{"key":7,"text":"x"}', '{"mode":"A"}'];
  const { items, faults } = read(lines.join('\n'), 'jsonl');
  expect(items).toEqual([
    { line: 1, key: null, values: { text: 'one' } },
    { line: 2, key: 'k', priority: 9, values: { text: 'two', mode: 'B' } },
    { line: 3, key: null, values: {}, request: { echo: { x: 1 } } },
  ]);
  expect(faults).toEqual([
    { line: 4, message: 'This is not valid JSON.' },
    { line: 5, message: 'There is no field texts.' },
    { line: 6, message: 'The key must be a text.' },
    { line: 7, message: 'The text is empty.' },
  ]);
});

test('a value of another type is the fault of its line', () => {
  const lines = ['{"text":5}', '["a"]', '{"text":"x","mode":"C"}', '{"text":"x","isFast":"yes"}', '{"text":"x","mode":null}', '7', '{"text":null}', '{"text":"x","mode":"A"}'];
  const { items, faults } = read(lines.join('\n'), 'jsonl');
  expect(items.map(({ line }) => line)).toEqual([5, 8]);
  expect(faults).toEqual([
    { line: 1, message: 'The value of text must be a text.' },
    { line: 2, message: 'The value of text must be a text.' },
    { line: 3, message: 'The value of mode must be one of A, B.' },
    { line: 4, message: 'The value of isFast must be true or false.' },
    { line: 6, message: 'The value of text must be a text.' },
    { line: 7, message: 'The text is empty.' },
  ]);
  const more = fieldsOf(
    { properties: { data: { type: 'array', items: { type: 'object' } }, share: { type: 'number' }, rounds: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } }, modes: { type: 'array', items: { enum: ['A'] } } } },
    { properties: { share: {}, rounds: {}, tags: {}, modes: {} } },
  );
  const given = ['{"data":[],"share":0.5,"rounds":2,"tags":["x"],"modes":["A"]}', '{"data":1,"rounds":2.5}', '{"data":1,"share":"2"}', '{"data":1,"tags":"x"}', '{"data":1,"modes":["A","B"]}'];
  const found = parse(given.join('\n'), 'jsonl', more, more[0]!);
  expect(found.items.map(({ line }) => line)).toEqual([1]);
  expect(found.faults.map(({ message }) => message.replace('The value of ', ''))).toEqual([
    'rounds must be a whole number.',
    'share must be a number.',
    'tags must be a list of texts.',
    'modes must be a list of A.',
  ]);
});

test('messages about variables belong to lines', () => {
  const { items } = read('a\n\nb', 'lines');
  const at = "Variable '$input' has invalid value at .items";
  expect(linesOf([`${at}[1].request: Unknown: 'x'.`, `${at}[1].key: Twice.`, `${at}[0].request.text.text: Not a text: 5`, `${at}[7]: Lost.`, 'Other.'], items)).toEqual([
    { line: 3, message: "Unknown: 'x'." },
    { line: 1, message: 'Not a text: 5' },
  ]);
});

test('errors of the server belong to a field, a line, or the form', () => {
  const { items } = read('a\n\nb', 'lines');
  const errors = [
    { message: 'too long', path: ['request', 'text', 'text'] },
    { message: 'too late', path: ['timeoutSeconds'] },
    { message: 'bad', path: ['items', '1', 'request', 'text', 'text'] },
    { message: 'none', path: null },
  ];
  expect(outcomeOf(undefined, errors, items)).toEqual({
    id: null,
    faults: { text: 'too long', timeoutSeconds: 'too late', form: 'none' },
    lines: [{ line: 3, message: 'bad' }],
  });
});
