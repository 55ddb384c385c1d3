/** One analysis in a list. On a phone it is a card. */
import type { AnalysisRowFragment } from '../data/gql/graphql';
import type { Column } from './columns';

interface Props {
  row: AnalysisRowFragment;
  columns: readonly Column[];
  isSelected: boolean;
  /** Whether the row still matches the filter. */
  matches: boolean;
  select: (id: string, isOn: boolean) => void;
}

export function Row({ row, columns, isSelected, matches, select }: Props) {
  return (
    <tr data-id={row.id} data-status={row.status} aria-selected={isSelected} class={matches ? '' : 'gone'}>
      <td class="check">
        <label>
          <input type="checkbox" aria-label={`Select ${row.title}`} checked={isSelected} onChange={(event) => select(row.id, event.currentTarget.checked)} />
        </label>
      </td>
      {columns.map((column) => (
        <td key={column.name} class={column.class}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}
