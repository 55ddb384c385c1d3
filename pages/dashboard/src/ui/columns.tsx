/** The columns of a table of analyses, and the choice of them. */
import type { ComponentChildren } from 'preact';
import { hrefOf } from '../data/address';
import { milliseconds } from '../data/clock';
import type { AnalysisRowFragment } from '../data/gql/graphql';
import { Kept } from '../data/kept';
import { isTexts } from '../data/shape';
import { State } from './State';
import { When } from './When';
import { clip } from './words';

function Outcome({ row }: { row: AnalysisRowFragment }) {
  if (row.status === 'RUNNING') {
    return (
      <span class="quiet">
        <bdi>{row.progress.step}</bdi> {row.progress.fraction > 0 && `${Math.round(row.progress.fraction * 100)} %`}
      </span>
    );
  }
  if (row.error && row.status !== 'QUEUED') return <bdi class="refusal">{row.error.message}</bdi>;
  if (!row.result || row.status !== 'COMPLETED') return null;
  return (
    <>
      <bdi>{row.result.summary}</bdi>
      {row.result.tags.slice(0, 4).map((tag) => (
        <span key={tag} class="tag" dir="auto">
          {tag}
        </span>
      ))}
    </>
  );
}

/** The title, and the input unless the title is its beginning. */
function Name({ row }: { row: AnalysisRowFragment }) {
  const input = clip(row.inputExcerpt ?? '', 120);
  return (
    <>
      <a class="name" href={hrefOf(row.id)}>
        <bdi>{row.title}</bdi>
      </a>{' '}
      {input && !input.startsWith(row.title.replace(/…$/, '')) && <bdi class="quiet">{input}</bdi>}
    </>
  );
}

export interface Column {
  name: string;
  title: string;
  /** The classes of its cells: `wide` and `hide` leave narrow windows. */
  class: string;
  cell: (row: AnalysisRowFragment) => ComponentChildren;
  /** The name of its order in an address: `took`, or `-took` for the largest first. */
  order?: string;
}

export const COLUMNS: readonly Column[] = [
  { name: 'status', title: 'Status', class: 'st', cell: (row) => <State of={row.status} /> },
  { name: 'input', title: 'Key and input', class: 'what', cell: (row) => <Name row={row} /> },
  { name: 'analyzer', title: 'Analyzer', class: 'wide quiet', cell: (row) => row.analyzer.name },
  { name: 'batch', title: 'Batch', class: 'wide quiet', cell: (row) => row.batch && <bdi>{row.batch.name ?? `…${row.batch.id.slice(-8)}`}</bdi> },
  { name: 'result', title: 'Result', class: 'out', cell: (row) => <Outcome row={row} /> },
  { name: 'score', title: 'Score', class: 'wide number', cell: (row) => row.status === 'COMPLETED' && row.result?.score?.toFixed(2) },
  { name: 'priority', title: 'Priority', class: 'wide number', cell: (row) => row.priority, order: 'priority' },
  { name: 'attempt', title: 'Attempt', class: 'wide number', cell: (row) => row.attempt || null },
  { name: 'took', title: 'Took', class: 'hide number', cell: (row) => row.processingTimeMs !== null && milliseconds(row.processingTimeMs), order: 'took' },
  { name: 'created', title: 'Created', class: 'number when', cell: (row) => <When at={row.createdAt} />, order: 'created' },
];

/** The columns that no table is without. */
export const ALWAYS: ReadonlySet<string> = new Set(['status', 'input', 'result']);

/** The names of the columns that are left out. */
export const leftOut = new Kept('assay.columns', ['priority', 'attempt'], isTexts);

export const chosenColumns = (without: readonly string[]) => COLUMNS.filter(({ name }) => ALWAYS.has(name) || !without.includes(name));
