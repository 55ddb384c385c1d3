/**
 * The document in the page's address: `/graphql#query=…&variables=…`, each encoded as by `encodeURIComponent`.
 *
 * A link fills the editors and runs nothing. The part after `#` never reaches a server's log.
 */
export interface Linked {
  query: string;
  /** JSON, or empty. */
  variables: string;
}

/** Takes the document out of the address, so that a reload keeps the user's changes. Returns undefined without one. */
export function takeLinked(): Linked | undefined {
  const given = new URLSearchParams(location.hash.slice(1));
  const query = given.get('query');
  if (query === null) return undefined;
  history.replaceState(history.state, '', location.pathname + location.search);
  return { query, variables: indented(given.get('variables') ?? '') };
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // the editor marks the error
  }
}
