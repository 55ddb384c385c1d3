/** The items of a batch, from pasted lines or a file, with the faults of each line. */
import { count, plural } from '../../data/clock';
import { clip } from '../../ui/words';
import { csvRows } from './csv';
import { characters, entryOf, valueOf, type Field, type Kind } from './schema';

export const MOST_ITEMS = 10_000;
const MOST_PRIORITY = 10;
const SHOWN_CHARACTERS = 40;
const SHOWN_NAMES = 10;

export type Format = 'lines' | 'csv' | 'jsonl';

export interface Item {
  /** The line of the text, from 1. */
  line: number;
  key: string | null;
  priority?: number;
  /** The fields that the line sets. The form's options apply to the others. */
  values: Record<string, unknown>;
  /** The complete request of a line with `request`, with its analyzer. */
  request?: Record<string, unknown>;
}

export interface Fault {
  line: number;
  message: string;
  /** The number of lines that this fault leaves out, if not 1. */
  lines?: number;
}

export interface Parsed {
  items: Item[];
  faults: Fault[];
  /** The names of CSV columns that no field uses. */
  unused: string[];
}

export function formatOf(name: string): Format | null {
  const end = /\.(txt|csv|jsonl|ndjson)$/i.exec(name)?.[1]?.toLowerCase();
  return end === undefined ? null : end === 'txt' ? 'lines' : end === 'csv' ? 'csv' : 'jsonl';
}

function fromCsv(text: string, fields: Field[], content: Field): Parsed {
  const [head, ...rows] = csvRows(text);
  if (!head) return { items: [], faults: [], unused: [] };
  const names = head.cells.map((each) => each.trim());
  // A single column needs no name of a field.
  const contentAt = names.length === 1 ? 0 : names.indexOf(content.name);
  const doubled = names.find((name, at) => name && names.indexOf(name) !== at);
  const fault =
    head.fault ??
    (doubled !== undefined
      ? `Two columns are named ${clip(doubled, SHOWN_CHARACTERS)}.`
      : contentAt < 0
        ? `No column is named ${content.name}. The first line must have the names of the columns.`
        : null);
  if (fault) return { items: [], faults: [{ line: head.line, message: fault, lines: rows.reduce((sum, { lines }) => sum + lines, head.lines) }], unused: [] };
  const known = fields.filter(({ name }) => names.includes(name) || name === content.name);
  const unused = names.filter((name, at) => at !== contentAt && name !== 'key' && !known.some((field) => field.name === name));
  const items: Item[] = [];
  const faults: Fault[] = [];
  for (const { line, lines, cells, fault } of rows) {
    try {
      if (fault) throw new Error(fault);
      if (cells.length > names.length) throw new Error(`The line has ${plural(cells.length, 'cell')}, the first line has ${count(names.length)}.`);
      const values: Record<string, unknown> = {};
      for (const field of known) {
        const cell = cells[field === content ? contentAt : names.indexOf(field.name)] ?? '';
        const value = fromCell(field, cell);
        if (value !== undefined) values[field.name] = value;
      }
      items.push({ line, key: cells[names.indexOf('key')]?.trim() || null, values });
    } catch (error) {
      faults.push({ line, message: (error as Error).message, ...(fault && { lines }) });
    }
  }
  return { items, faults, unused };
}

/** Returns the value of a cell. Several words are separated by spaces or bars. */
function fromCell(field: Field, cell: string): unknown {
  if (field.kind === 'flag') return cell.trim() ? /^(true|yes|1)$/i.test(cell.trim()) : undefined;
  if (field.kind === 'choices' || field.kind === 'words') return cell.trim() ? cell.trim().split(/[\s|]+/) : undefined;
  return valueOf(field, cell);
}

const isPriority = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_PRIORITY;

function fromJson(line: number, text: string, fields: Field[], content: Field): Item {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('This is not valid JSON.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { line, key: null, values: { [content.name]: value } };
  const { key = null, priority = null, request, ...values } = value as Record<string, unknown>;
  if (key !== null && typeof key !== 'string') throw new Error('The key must be a text.');
  if (priority !== null && !isPriority(priority)) throw new Error(`The priority must be a whole number from 1 to ${MOST_PRIORITY}.`);
  const common = { line, key, ...(priority !== null && { priority }) };
  if (request !== undefined) {
    if (request === null || typeof request !== 'object' || Array.isArray(request)) throw new Error('The request must be an object.');
    return { ...common, values: {}, request: request as Record<string, unknown> };
  }
  const unknown = Object.keys(values).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw new Error(`There is no field ${clip(unknown, SHOWN_CHARACTERS)}.`);
  return { ...common, values };
}

const isText = (value: unknown) => typeof value === 'string';
const isWord = (value: unknown, { options }: Field) => isText(value) && options.includes(value as string);
const isNumber = (value: unknown, { isWhole }: Field) => (isWhole ? Number.isInteger(value) : Number.isFinite(value));
const isListOf = (check: (each: unknown, field: Field) => boolean) => (value: unknown, field: Field) => Array.isArray(value) && value.every((each) => check(each, field));

/** What a value of each kind is, and the check. The server checks the values of other JSON. */
const RULES: Record<Kind, [is: (value: unknown, field: Field) => boolean, words: (field: Field) => string]> = {
  text: [isText, () => 'a text'],
  line: [isText, () => 'a text'],
  choice: [isWord, ({ options }) => `one of ${namesOf(options)}`],
  choices: [isListOf(isWord), ({ options }) => `a list of ${namesOf(options)}`],
  number: [isNumber, ({ isWhole }) => (isWhole ? 'a whole number' : 'a number')],
  flag: [(value) => typeof value === 'boolean', () => 'true or false'],
  words: [isListOf(isText), () => 'a list of texts'],
  json: [() => true, () => ''],
};

/** Returns why the server would refuse the whole batch for a value of an item, or null. */
function wrongType(values: Item['values'], fields: Field[]): string | null {
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined || (value === null && !field.isContent)) continue;
    const [is, words] = RULES[field.kind];
    if (!is(value, field)) return `The value of ${field.name} must be ${words(field)}.`;
  }
  return null;
}

/** Returns why the server would refuse the input of an item, or null. */
function refusal({ values, request }: Item, fields: Field[], content: Field): string | null {
  if (request) return null;
  const value = values[content.name];
  if (value === undefined || value === null || (typeof value === 'string' && !value.trim())) return `The ${content.label.toLowerCase()} is empty.`;
  if (typeof value === 'string' && content.most && characters(value) > content.most) {
    return `The ${content.label.toLowerCase()} has more than ${count(content.most)} characters.`;
  }
  return wrongType(values, fields);
}

/** Reads the items of a text. A line with a fault is no item. Items beyond the most of a batch have one fault. */
export function parse(text: string, format: Format, fields: Field[], content: Field): Parsed {
  const whole = text.replace(/^\uFEFF/, '');
  let found: Parsed = { items: [], faults: [], unused: [] };
  if (format === 'csv') found = fromCsv(whole, fields, content);
  else {
    whole.split(/\r\n|\r|\n/).forEach((each, at) => {
      if (!each.trim()) return;
      const line = at + 1;
      try {
        if (format === 'jsonl') found.items.push(fromJson(line, each, fields, content));
        else found.items.push({ line, key: null, values: { [content.name]: valueOf(content, each) } });
      } catch (error) {
        found.faults.push({ line, message: (error as Error).message });
      }
    });
  }
  const keys = new Map<string, number>();
  const items: Item[] = [];
  for (const [at, item] of found.items.entries()) {
    const before = item.key === null ? undefined : keys.get(item.key);
    const message = before !== undefined ? `The key ${item.key} is that of line ${count(before)}.` : refusal(item, fields, content);
    if (message) found.faults.push({ line: item.line, message });
    else if (items.length === MOST_ITEMS) {
      found.faults.push({ line: item.line, message: `A batch has at most ${count(MOST_ITEMS)} items: this line and those after it are left out.`, lines: found.items.length - at });
      break;
    } else {
      if (item.key !== null) keys.set(item.key, item.line);
      items.push(item);
    }
  }
  return { items, faults: found.faults.sort((a, b) => a.line - b.line), unused: found.unused };
}

export const leftOut = (faults: readonly Fault[]) => faults.reduce((sum, { lines = 1 }) => sum + lines, 0);

/** Returns the first names, each shortened, and the number of the others. */
export function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).map((name) => clip(name, SHOWN_CHARACTERS) || '(no name)');
  if (names.length > SHOWN_NAMES) shown.push(`and ${count(names.length - SHOWN_NAMES)} more`);
  return shown.join(', ');
}

/** Returns the input of an item as text, for the preview. */
export function previewOf({ values, request }: Item, content: Field): string {
  return String(entryOf({ ...content, kind: typeof values[content.name] === 'string' ? 'text' : 'json' }, request ?? values[content.name]));
}
