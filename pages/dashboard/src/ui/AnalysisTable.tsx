/** A table of analyses, with a choice of rows. On a phone, its rows are cards. */
import type { RefObject } from 'preact';
import type { AnalysisRowFragment } from '../data/gql/graphql';
import { useStore } from '../data/store';
import { Row } from './AnalysisRow';
import { chosenColumns, leftOut, type Column } from './columns';
import './table.css';

/** The order of the rows, and the addresses of other orders. */
export interface Sort {
  /** As in the address: `took` ascends, `-took` descends. */
  order: string;
  to: (order: string) => string;
}

function Heading({ column, sort }: { column: Column; sort: Sort | undefined }) {
  const { title, order } = column;
  if (!sort || !order) {
    return (
      <th scope="col" class={column.class}>
        {title}
      </th>
    );
  }
  const isDown = sort.order === `-${order}`;
  const isUp = sort.order === order;
  return (
    <th scope="col" class={column.class} aria-sort={isDown ? 'descending' : isUp ? 'ascending' : undefined}>
      <a href={sort.to(isDown ? order : `-${order}`)}>
        {title}
        <span aria-hidden="true">{isDown ? ' ↓' : isUp ? ' ↑' : ''}</span>
      </a>
    </th>
  );
}

interface Props {
  label: string;
  rows: AnalysisRowFragment[];
  /** The ids of the selected rows, also of other pages. */
  selected: ReadonlySet<string>;
  select: (ids: ReadonlySet<string>) => void;
  /** Whether a row still matches the filter. */
  matches: (row: AnalysisRowFragment) => boolean;
  /** Whether the rows are being read again. */
  isBusy: boolean;
  sort?: Sort;
  /** The element around the table. */
  box: RefObject<HTMLDivElement>;
  /** Columns that say the same in each row. */
  without?: readonly string[];
}

export function AnalysisTable({ label, rows, selected, select, matches, isBusy, sort, box, without = [] }: Props) {
  const columns = chosenColumns([...useStore(leftOut), ...without]);
  const chosen = rows.filter(({ id }) => selected.has(id));
  const one = (id: string, isOn: boolean) => {
    const next = new Set(selected);
    if (isOn) next.add(id);
    else next.delete(id);
    select(next);
  };
  return (
    <div ref={box} class="card sheet" role="region" aria-label={label} tabIndex={0} aria-busy={isBusy}>
      <table>
        <thead>
          <tr>
            <th class="check">
              <input
                type="checkbox"
                aria-label="Select all on this page"
                checked={chosen.length === rows.length}
                ref={(box) => {
                  if (box) box.indeterminate = chosen.length > 0 && chosen.length < rows.length;
                }}
                onChange={(event) => select(new Set(event.currentTarget.checked ? rows.map(({ id }) => id) : []))}
              />
            </th>
            {columns.map((column) => (
              <Heading key={column.name} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} columns={columns} isSelected={selected.has(row.id)} matches={matches(row)} select={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whether new rows may enter by themselves: nobody is about to use the table. */
export function isAtRest(table: HTMLElement | null, selected: number): boolean {
  return selected === 0 && scrollY === 0 && !table?.matches(':hover') && !table?.contains(document.activeElement);
}
