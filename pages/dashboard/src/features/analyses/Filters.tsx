/** The filter of the list: the text, a token for each condition, and a panel for adding conditions. */
import { useQuery } from '@urql/preact';
import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { href } from '../../data/address';
import { AnalyzersDocument } from '../../data/gql/graphql';
import { changed, RANGES, type Query } from '../../data/lists';
import { Newer, SearchBox } from '../../ui/filters';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { sentence } from '../../ui/words';
import { ERROR_CODES, ORDERS, type Condition } from './filter';

/** The analyzer to include or to exclude. */
function AnalyzerChoice({ query, names }: { query: Query; names: string[] }) {
  const { route } = useLocation();
  const value = query['not.analyzer'] ? `not ${query['not.analyzer']}` : (query.analyzer ?? '');
  const options = names.flatMap((name) => [name, `not ${name}`]);
  return (
    <label>
      Analyzer
      <select
        value={value}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          const isNot = chosen.startsWith('not ');
          route(href('analyses', changed(query, { analyzer: isNot ? null : chosen, 'not.analyzer': isNot ? chosen.slice(4) : null })));
        }}
      >
        <option value="">any</option>
        {[...options, ...(value && !options.includes(value) ? [value] : [])].map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

interface PickProps {
  label: string;
  name: string;
  query: Query;
  options: readonly (readonly [string, string])[];
  /** The words for no choice. */
  none?: string;
}

function Pick({ label, name, query, options, none = 'any' }: PickProps) {
  const { route } = useLocation();
  const value = query[name] ?? '';
  const isOther = value !== '' && !options.some(([each]) => each === value);
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => route(href('analyses', changed(query, { [name]: event.currentTarget.value })))}>
        <option value="">{none}</option>
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
        {isOther && <option>{value}</option>}
      </select>
    </label>
  );
}

function TextField({ label, name, query }: { label: string; name: string; query: Query }) {
  const { route } = useLocation();
  const given = query[name] ?? '';
  const [text, setText] = useState(given);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const { value } = event.currentTarget.querySelector('input')!; // a drawing may be due after the last key
        route(href('analyses', changed(query, { [name]: value.trim() })));
      }}
    >
      <label>
        {label}
        <input type="text" maxLength={200} dir="auto" autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} onBlur={(event) => event.currentTarget.value.trim() !== given && event.currentTarget.form!.requestSubmit()} />
      </label>
    </form>
  );
}

interface Props {
  query: Query;
  conditions: Condition[];
  /** The number of analyses newer than the first row. */
  newer: number;
  showNewer: () => void;
}

export function Filters({ query, conditions, newer, showNewer }: Props) {
  const [{ data }] = useQuery({ query: AnalyzersDocument });
  const codes = ERROR_CODES.map((code) => [code, sentence(code).toLowerCase()] as const);
  return (
    <div class="filters">
      <SearchBox label="Words of the input" path="analyses" query={query} />
      {conditions.map(({ name, label, value }) => (
        <a key={name} class="button token" href={href('analyses', changed(query, { [name]: null }))} title={value} aria-label={`Remove the filter ${label} ${value}`}>
          {label} <b dir="auto">{value}</b>
          <Icon name="cross" />
        </a>
      ))}
      <Menu
        icon="plus"
        class="add"
        label={
          <>
            <span class="one-filter">Filter</span>
            <span class="many-filters">Filters {conditions.length > 0 && <b>{conditions.length}</b>}</span>
          </>
        }
      >
        <div class="choices-of-filter">
          <Pick label="Created" name="range" query={query} options={RANGES} />
          <Pick label="Ended" name="ended" query={query} options={RANGES} />
          <AnalyzerChoice query={query} names={data?.analyzers.map(({ name }) => name) ?? []} />
          <Pick label="Error" name="code" query={query} options={codes} />
          <Pick label="Order" name="order" query={query} options={ORDERS.slice(1)} none={ORDERS[0]![1]} />
          <TextField key={`key ${query.key}`} label="Key, complete" name="key" query={query} />
          <TextField key={`tag ${query.tag}`} label="Tags, separated by commas" name="tag" query={query} />
          {conditions.length > 0 && (
            <a class="button" href={href('analyses', { status: query.status })}>
              Clear filters
            </a>
          )}
        </div>
      </Menu>
      <Newer count={newer} show={showNewer} />
    </div>
  );
}
