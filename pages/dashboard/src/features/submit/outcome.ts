/** The server's refusals, by field and by line. */
import type { Fault, Item } from './items';
import type { Faults } from './schema';

export interface Outcome {
  /** The id of the analysis or batch, or null if it was refused. */
  id: string | null;
  /** The refusals by field, or by `form`. */
  faults: Faults;
  lines: Fault[];
}

interface UserError {
  message: string;
  path: string[] | null;
}

/** Returns the field of an error: of the request, of the settings, or `form`. */
export function fieldOf(path: string[] | null): string {
  if (!path?.length) return 'form';
  return path[0] === 'request' ? (path[2] ?? 'form') : path[0]!;
}

/** Returns the lines of the messages about variables, such as "Variable '$input' has invalid value at .items[3].key: …". */
export function linesOf(messages: readonly string[], items: readonly Item[]): Fault[] {
  const lines = new Map<number, Fault>();
  for (const each of messages) {
    const [, at, message] = /has invalid value at \.items\[(\d+)\][^:]*: ([^]*)/.exec(each) ?? [];
    const line = items[Number(at)]?.line;
    if (message && line !== undefined && !lines.has(line)) lines.set(line, { line, message });
  }
  return [...lines.values()];
}

/** Sorts the errors by field and by line. */
export function outcomeOf(id: string | undefined, errors: readonly UserError[], items: readonly Item[]): Outcome {
  const faults: Faults = {};
  const lines: Fault[] = [];
  for (const { path, message } of errors) {
    const item = path?.[0] === 'items' ? items[Number(path[1])] : undefined;
    if (item) lines.push({ line: item.line, message });
    else faults[path?.[0] === 'items' ? 'form' : fieldOf(path)] ??= message;
  }
  return { id: id ?? null, faults, lines };
}
