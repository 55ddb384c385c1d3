/** The choice of the columns. */
import { useStore } from '../data/store';
import { ALWAYS, COLUMNS, leftOut } from './columns';
import { Menu } from './Menu';

export function ColumnChoice() {
  const without = useStore(leftOut);
  return (
    <Menu label="Columns" class="columns-choice">
      <div class="entries">
        {COLUMNS.filter(({ name }) => !ALWAYS.has(name)).map(({ name, title }) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={!without.includes(name)}
              onChange={({ currentTarget: { checked } }) =>
                leftOut.change((without) => (checked ? without.filter((each) => each !== name) : [...new Set([...without, name])]))
              }
            />
            {title}
          </label>
        ))}
      </div>
    </Menu>
  );
}
