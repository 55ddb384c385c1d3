/** The filter of the list of batches: the name, a token for each condition, and a panel for adding conditions. */
import { href } from '../../data/address';
import { changed, RANGES, type Query } from '../../data/lists';
import { Choice, Newer, SearchBox } from '../../ui/filters';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { ORDER_NAMES } from './filter';

const CHOICES: { name: string; label: string; none: string; options: readonly (readonly [string, string])[] }[] = [
  { name: 'range', label: 'Created', none: 'any', options: RANGES },
  {
    name: 'failures',
    label: 'Failures',
    none: 'any',
    options: [
      ['yes', 'some'],
      ['no', 'none'],
    ],
  },
  { name: 'order', label: 'Order', none: 'newest first', options: ORDER_NAMES },
];

interface Props {
  query: Query;
  /** The number of batches newer than those of the list. */
  newer: number;
  showNewer: () => void;
}

export function Filters({ query, newer, showNewer }: Props) {
  const chosen = CHOICES.flatMap(({ name, label, options }) => {
    const words = options.find(([value]) => value === query[name])?.[1];
    return words ? [{ name, label, words }] : [];
  });
  return (
    <div class="filters">
      <SearchBox label="Part of the name" path="batches" query={query} />
      {chosen.map(({ name, label, words }) => (
        <a key={name} class="button token" href={href('batches', changed(query, { [name]: null }))} aria-label={`Remove ${label} ${words}`}>
          {label} <b>{words}</b>
          <Icon name="cross" />
        </a>
      ))}
      <Menu
        icon="plus"
        class="add"
        label={
          <span>
            Filter<span class="many-filters">s {chosen.length > 0 && <b>{chosen.length}</b>}</span>
          </span>
        }
      >
        <div class="choices-of-filter">
          {CHOICES.map(({ name, label, none, options }) => (
            <label key={name}>
              {label}
              <Choice label={label} name={name} path="batches" query={query} options={options} none={none} />
            </label>
          ))}
          {chosen.length > 0 && (
            <a class="button" href={href('batches', { status: query.status })}>
              Clear filters
            </a>
          )}
        </div>
      </Menu>
      <Newer count={newer} show={showNewer} />
    </div>
  );
}
