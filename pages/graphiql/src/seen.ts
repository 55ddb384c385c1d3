/**
 * The ids and the event cursor of the last responses, which the examples are opened with. They are kept until the browser's
 * tab is closed.
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
    // Without storage, the examples open with placeholders.
  }
}

/** Collects the first id of each kind in a response, and the last event cursor. */
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

/** Returns the cursor of an event, or the end cursor of a page of events. */
export function lastCursor(events: unknown): string | undefined {
  const { cursor, pageInfo } = (events ?? {}) as { cursor?: unknown; pageInfo?: { endCursor?: unknown } };
  const last = cursor ?? pageInfo?.endCursor;
  return typeof last === 'string' ? last : undefined;
}
