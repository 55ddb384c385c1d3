import { expect, test } from 'vitest';
import { csvRows } from './csv';

test('CSV has quotes, lines inside cells, and one of two separators', () => {
  expect(csvRows('a,b\n"x, ""y""\nz",2\r\n\nlast,')).toEqual([
    { line: 1, lines: 1, cells: ['a', 'b'] },
    { line: 2, lines: 2, cells: ['x, "y"\nz', '2'] },
    { line: 5, lines: 1, cells: ['last', ''] },
  ]);
  expect(csvRows('a;b\n1,5;2')).toEqual([
    { line: 1, lines: 1, cells: ['a', 'b'] },
    { line: 2, lines: 1, cells: ['1,5', '2'] },
  ]);
});

test('lines end with each of the three signs', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    expect(csvRows(['a', '"b', 'c"', 'd', ''].join(end)), JSON.stringify(end)).toEqual([
      { line: 1, lines: 1, cells: ['a'] },
      { line: 2, lines: 2, cells: [`b${end}c`] },
      { line: 4, lines: 1, cells: ['d'] },
    ]);
  }
});

test('a quotation mark inside an unquoted cell is text', () => {
  expect(csvRows('5" disk,"a" ,"",""""').map(({ cells, fault }) => [cells, fault])).toEqual([[['5" disk', 'a ', '', '"'], undefined]]);
});

test('a row that a quotation mark breaks has a fault', () => {
  const faults = (text: string) => csvRows(text).map(({ line, lines, fault }) => [line, lines, fault]);
  const open = 'A quotation mark is not closed.';
  const stray = 'A quotation mark is not closed, or not doubled inside its cell.';
  expect(faults('a\n"b\nc\n\nd\n\n')).toEqual([
    [1, 1, undefined],
    [2, 4, open],
  ]);
  expect(faults('a\n"')).toEqual([
    [1, 1, undefined],
    [2, 1, open],
  ]);
  expect(faults('"a "b" c"\nd')).toEqual([
    [1, 1, stray],
    [2, 1, undefined],
  ]);
  // The mark that the first row lacks is taken from the second one.
  expect(faults('"a\nb,"c"\nd')).toEqual([
    [1, 2, stray],
    [3, 1, undefined],
  ]);
});
