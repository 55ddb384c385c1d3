/** The fields of a form, from the JSON Schema of an analyzer's request. */
import { sentence } from '../../ui/words';

/** The part of JSON Schema that pydantic writes for requests. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  anyOf?: Schema[];
  type?: string;
  title?: string;
  description?: string;
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  default?: unknown;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}

/** `text`: several lines; `line`: one; `words`: a list, one per line; `json`: any other value. */
export type Kind = 'text' | 'line' | 'choice' | 'choices' | 'number' | 'flag' | 'words' | 'json';

export interface Field {
  name: string;
  label: string;
  help: string;
  kind: Kind;
  isRequired: boolean;
  /** Whether the field is the input itself, and not an option. */
  isContent: boolean;
  options: string[];
  least?: number | undefined;
  most?: number | undefined;
  isWhole: boolean;
  initial: unknown;
}

/** The content of a form: texts, also of numbers and JSON, chosen words, and flags. */
export type Entry = string | string[] | boolean;
export type Entries = Record<string, Entry>;

/** A shorter text has a field of one line. */
const LINE_CHARACTERS = 200;

function kindOf(schema: Schema, items: Schema, isContent: boolean): Kind {
  if (schema.enum) return 'choice';
  if (schema.type === 'boolean') return 'flag';
  if (schema.type === 'number' || schema.type === 'integer') return 'number';
  if (schema.type === 'string') return isContent || (schema.maxLength ?? 0) > LINE_CHARACTERS ? 'text' : 'line';
  if (schema.type === 'array' && items.enum) return 'choices';
  return schema.type === 'array' && items.type === 'string' ? 'words' : 'json';
}

/** Returns the fields of a request. The input is the field that the schema of the options lacks. */
export function fieldsOf(request: Schema, options: Schema): Field[] {
  const resolve = (schema: Schema): Schema => {
    const inner = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema;
    if (!inner.$ref) return { ...inner, ...omit(schema) };
    return { ...resolve(request.$defs?.[inner.$ref.split('/').at(-1)!] ?? {}), ...omit(schema) };
  };
  return Object.entries(request.properties ?? {}).map(([name, given]) => {
    const schema = resolve(given);
    const items = resolve(schema.items ?? {});
    const isContent = !(name in (options.properties ?? {}));
    const kind = kindOf(schema, items, isContent);
    const isText = schema.type === 'string';
    return {
      name,
      label: given.title ?? sentence(name.replace(/[A-Z]/g, ' $&')),
      help: schema.description ?? '',
      kind,
      isRequired: request.required?.includes(name) ?? false,
      isContent,
      options: schema.enum ?? items.enum ?? [],
      least: isText ? schema.minLength : schema.minimum,
      most: isText ? schema.maxLength : schema.maximum,
      isWhole: schema.type === 'integer',
      initial: given.default,
    };
  });
}

/** The keywords beside a reference or several forms. */
function omit({ $ref, anyOf, ...rest }: Schema): Schema {
  return rest;
}

/** Returns the entry of a value, or of the field's default. */
export function entryOf(field: Field, value: unknown): Entry {
  const given = value ?? field.initial;
  if (field.kind === 'flag') return given === true;
  if (field.kind === 'choices') return Array.isArray(given) ? given.map(String) : [];
  if (given === null || given === undefined) return '';
  if (field.kind === 'words') return Array.isArray(given) ? given.join('\n') : String(given);
  return field.kind === 'json' ? JSON.stringify(given, null, 2) : String(given);
}

/** The entries with the types that the fields take. Kept ones may be of an earlier version of the analyzer. */
export function fitting(fields: Field[], kept: Entries): Entries {
  const suits = ({ kind, name }: Field) => (kind === 'choices' ? Array.isArray(kept[name]) : typeof kept[name] === (kind === 'flag' ? 'boolean' : 'string'));
  return Object.fromEntries(fields.filter(suits).map(({ name }) => [name, kept[name]!]));
}

export const entriesOf = (fields: Field[], values: Record<string, unknown>): Entries =>
  Object.fromEntries(fields.map((field) => [field.name, entryOf(field, values[field.name])]));

/** Returns the value of an entry, or undefined for an empty one: the default. Throws an error about a wrong number or JSON. */
export function valueOf({ kind, isContent, isWhole }: Field, entry: Entry): unknown {
  if (typeof entry !== 'string') return entry;
  if (kind === 'text' && (isContent || entry)) return entry;
  const text = entry.trim();
  if (!text) return undefined;
  if (kind === 'words') return text.split('\n').map((each) => each.trim()).filter(Boolean);
  if (kind === 'number') {
    const number = Number(text);
    if (!Number.isFinite(number) || (isWhole && !Number.isInteger(number))) throw new Error(`This must be a ${isWhole ? 'whole ' : ''}number.`);
    return number;
  }
  if (kind !== 'json') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('This is not valid JSON.');
  }
}

export type Faults = Record<string, string>;

/** Returns the request of a form, or a fault for each field without a valid value. */
export function requestOf(fields: Field[], entries: Entries): { request: Record<string, unknown>; faults: Faults } {
  const request: Record<string, unknown> = {};
  const faults: Faults = {};
  for (const field of fields) {
    try {
      const value = valueOf(field, entries[field.name] ?? entryOf(field, undefined));
      if (value !== undefined) request[field.name] = value;
      else if (field.isRequired) faults[field.name] = 'This is required.';
    } catch (error) {
      faults[field.name] = (error as Error).message;
    }
  }
  return { request, faults };
}

/** Counts code points, as the server does. */
export function characters(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00) pairs++;
  }
  return text.length - pairs;
}
