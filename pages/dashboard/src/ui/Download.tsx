/** Analyses as a file that the server writes: all of a filter, or those with these ids. */
import { FILES } from '../data/address';
import type { AnalysisFilter } from '../data/gql/graphql';
import { Menu } from './Menu';

const FORMS = [
  ['jsonl', 'JSON lines, with results'],
  ['csv', 'CSV, for spreadsheets'],
] as const;

type Chosen = { filter: AnalysisFilter | null } | { ids: readonly string[] };

const queryOf = (chosen: Chosen) =>
  'ids' in chosen ? `?ids=${chosen.ids.join()}` : chosen.filter ? `?filter=${encodeURIComponent(JSON.stringify(chosen.filter))}` : '';

export function Download({ of }: { of: Chosen }) {
  return (
    <Menu label="Download" closes>
      <div class="entries">
        {FORMS.map(([end, words]) => (
          <a key={end} href={`${FILES}analyses.${end}${queryOf(of)}`} download={`analyses.${end}`}>
            {words}
          </a>
        ))}
      </div>
    </Menu>
  );
}
