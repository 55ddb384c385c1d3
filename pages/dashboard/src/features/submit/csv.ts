/** The rows of a CSV text: RFC 4180, separated by commas or semicolons. */

export interface Row {
  /** The line on which the row begins, from 1. */
  line: number;
  /** The number of lines that the row takes. */
  lines: number;
  cells: string[];
  /** The reason that the cells are not those of the author. */
  fault?: string;
}

const LINE_END = /\r\n|\r|\n/;

export function csvRows(text: string): Row[] {
  const rows: Row[] = [];
  const head = text.slice(0, text.search(/[\r\n]|$/));
  const separator = head.includes(';') && !head.includes(',') ? ';' : ',';
  const cellEnd = new RegExp(`[ \\t]*(?:[${separator}\\r\\n]|$)`, 'y');
  let cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  let fault: string | undefined;
  let line = 1;
  let first = 1;
  let start = 0;
  const endRow = (at: number) => {
    cells.push(cell);
    const lines = text.slice(start, at).trimEnd().split(LINE_END).length;
    if (cells.length > 1 || cell.trim() || fault) rows.push({ line: first, lines, cells, ...(fault && { fault }) });
    cells = [];
    cell = '';
    fault = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    const isLineEnd = sign === '\n' || (sign === '\r' && text[at + 1] !== '\n');
    if (isLineEnd) line++;
    if (isQuoted) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') cell += text[++at];
      else {
        isQuoted = false;
        // Text after the mark may also be the next quoted cell, if a mark before it was forgotten.
        cellEnd.lastIndex = at + 1;
        if (!cellEnd.test(text)) fault = 'A quotation mark is not closed, or not doubled inside its cell.';
      }
    } else if (sign === '"' && cell === '') isQuoted = true;
    else if (sign === separator) {
      cells.push(cell);
      cell = '';
    } else if (isLineEnd) {
      endRow(at);
      first = line;
      start = at + 1;
    } else if (sign !== '\r') cell += sign;
  }
  if (isQuoted) fault = 'A quotation mark is not closed.';
  endRow(text.length);
  return rows;
}
