/** The place in a list, and links to its newer and older pages. */
import { href } from '../data/address';
import { count } from '../data/clock';
import { changed, firstRow, type Query } from '../data/lists';
import { Icon } from './Icon';

interface Props {
  /** The address of the list, such as `analyses`, and its query. */
  path: string;
  query: Query;
  /** The most rows of a page, those of this one, and those of all. */
  size: number;
  shown: number;
  total: number;
  /** The words of the links, by default Newer and Older. */
  words?: readonly [string, string];
  /** Sets the most rows of a page. */
  resize?: (size: number) => void;
  info: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** The most rows of a page, to choose from. */
const SIZES = [50, 100, 200];

export const isSize = (value: unknown): value is number => SIZES.includes(value as number);

export function Pager({ path, query, size, shown, total, info, words = ['Newer', 'Older'], resize }: Props) {
  const from = firstRow(query);
  const to = (place: Record<string, string | null>) => href(path, changed(query, place));
  const newerFrom = from === null ? null : String(Math.max(1, from - size));
  const olderFrom = from === null ? null : String(from + shown);
  return (
    <nav class="foot" aria-label="Pages of the list">
      <span class="quiet">
        {from === null ? `${count(shown)} of ${count(total)}` : `${count(from)} to ${count(from + shown - 1)} of ${count(total)}`}
      </span>
      {resize && total > SIZES[0]! && (
        <select class="size" aria-label="Rows of a page" value={size} onChange={(event) => resize(Number(event.currentTarget.value))}>
          {SIZES.map((each) => (
            <option key={each} value={each}>
              {each} a page
            </option>
          ))}
        </select>
      )}
      {info.hasPreviousPage && (
        <a class="button push" href={from !== null && from <= size + 1 ? to({}) : to({ before: info.startCursor, from: newerFrom })}>
          <Icon name="left" />
          {words[0]}
        </a>
      )}
      {info.hasNextPage && (
        <a class={info.hasPreviousPage ? 'button' : 'button push'} href={to({ after: info.endCursor, from: olderFrom })}>
          {words[1]}
          <Icon name="right" />
        </a>
      )}
    </nav>
  );
}
