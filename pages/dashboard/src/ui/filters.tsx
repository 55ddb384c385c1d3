/** The parts of a list's filter. Typing replaces the address, choosing adds one to the history. */
import { useLocation } from 'preact-iso';
import { useEffect, useRef, useState } from 'preact/hooks';
import { href } from '../data/address';
import { count } from '../data/clock';
import { changed, type Query } from '../data/lists';
import { Icon } from './Icon';
import './table.css';

const TYPED_MS = 250;

interface SearchProps {
  label: string;
  /** The parameter of the address. */
  name?: string;
  /** The address of the list, such as `analyses`, and its query. */
  path: string;
  query: Query;
}

/** Writes what is typed into the address. */
export function SearchBox({ label, name = 'q', path, query }: SearchProps) {
  const { route } = useLocation();
  const shown = query[name] ?? '';
  const [text, setText] = useState(shown);
  /** The text of the address, as far as this box has written it. */
  const written = useRef(shown);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  // Back, or a link, may change the address while the box is mounted.
  useEffect(() => {
    if (shown === written.current) return;
    written.current = shown;
    setText(shown);
  }, [shown]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <label class="box">
      <Icon name="search" />
      <span class="hidden">{label}</span>
      <input
        type="search"
        placeholder={label}
        maxLength={200}
        value={text}
        onInput={(event) => {
          const { value } = event.currentTarget;
          setText(value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => {
            written.current = value.trim();
            route(href(path, changed(query, { [name]: value.trim() })), true);
          }, TYPED_MS);
        }}
      />
    </label>
  );
}

interface ChoiceProps {
  label: string;
  /** The parameter of the address. */
  name: string;
  path: string;
  query: Query;
  options: readonly (readonly [string, string])[];
  /** The words without a choice. */
  none?: string;
}

export function Choice({ label, name, path, query, options, none = 'any' }: ChoiceProps) {
  const { route } = useLocation();
  const value = query[name] ?? '';
  return (
    <select
      aria-label={label}
      class={value ? 'chosen' : ''}
      value={value}
      onChange={(event) => route(href(path, changed(query, { [name]: event.currentTarget.value })))}
    >
      <option value="">{label}: {none}</option>
      {options.map(([each, words]) => (
        <option key={each} value={each}>
          {label}: {words}
        </option>
      ))}
      {value && !options.some(([each]) => each === value) && (
        <option value={value}>
          {label}: {value}
        </option>
      )}
    </select>
  );
}

/** The number of rows that are newer than the first one. */
export function Newer({ count: newer, show }: { count: number; show: () => void }) {
  if (newer === 0) return null;
  return (
    <button type="button" class="new push" onClick={show}>
      {newer > 99 ? '100 or more' : count(newer)} new
    </button>
  );
}
