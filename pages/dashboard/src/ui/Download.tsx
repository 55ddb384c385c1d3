/** Analyses as a file: all of a filter, which the server writes, or a few, which the page does. */
import { query } from '../data/client';
import { FILES } from '../data/address';
import { AnalysesToSaveDocument, type AnalysisFilter } from '../data/gql/graphql';
import { Menu } from './Menu';

const FORMS = [
  ['jsonl', 'JSON lines, with results'],
  ['csv', 'CSV, for spreadsheets'],
] as const;

/** Returns the address of a file with all analyses of a filter. */
export const fileOf = (filter: AnalysisFilter | null, end: 'jsonl' | 'csv') =>
  `${FILES}analyses.${end}${filter ? `?filter=${encodeURIComponent(JSON.stringify(filter))}` : ''}`;

export function Download({ filter }: { filter: AnalysisFilter | null }) {
  return (
    <Menu label="Download" closes>
      <div class="entries">
        {FORMS.map(([end, words]) => (
          <a key={end} href={fileOf(filter, end)} download={`analyses.${end}`}>
            {words}
          </a>
        ))}
      </div>
    </Menu>
  );
}

/** The most ids of a query. */
const AT_ONCE = 100;

/** Saves the analyses with these ids as JSON lines. */
export async function saveRows(ids: string[]): Promise<void> {
  const lines: string[] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const { nodes } = await query(AnalysesToSaveDocument, { ids: ids.slice(at, at + AT_ONCE) });
    for (const node of nodes) {
      if (node?.__typename !== 'Analysis') continue;
      const { __typename, analyzer, result, ...row } = node;
      lines.push(`${JSON.stringify({ ...row, analyzer: analyzer.name, result: result?.data ?? null })}\n`);
    }
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
  link.download = 'analyses.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
