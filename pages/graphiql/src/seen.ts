/**
 * The ids and the event cursor that the last answers held, so that an example which needs one opens with it filled in.
 * They live as long as the browser's tab.
 */
export interface Seen {
  analysis?: string;
  batch?: string;
  cursor?: string;
}

const KEY = 'assay:seen';

export function seen(): Seen {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Seen;
  } catch {
    return {};
  }
}

export function remember(result: unknown): void {
  const found: Seen = {};
  visit(result, found);
  if (Object.keys(found).length === 0) return;
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ ...seen(), ...found }));
  } catch {
    // No storage, no memory: the examples open with their placeholders.
  }
}

/** The first id of each kind in the answer wins; of the cursors of events, the last. */
function visit(value: unknown, found: Seen): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      if (typeof field !== 'string') {
        const cursor = name === 'events' ? lastCursor(field) : undefined;
        if (cursor !== undefined) found.cursor = cursor;
        visit(field, found);
      } else if (name === 'id' || name === 'subjectId') {
        const kind = field.slice(0, field.indexOf('_'));
        if (kind === 'analysis' || kind === 'batch') found[kind] ??= field;
      }
    }
  }
}

/** The cursor of one event, or of the end of a page of events. */
export function lastCursor(events: unknown): string | undefined {
  const { cursor, pageInfo } = (events ?? {}) as { cursor?: unknown; pageInfo?: { endCursor?: unknown } };
  const last = cursor ?? pageInfo?.endCursor;
  return typeof last === 'string' ? last : undefined;
}
