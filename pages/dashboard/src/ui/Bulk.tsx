/** The actions on the selected rows, or on all of the filter, in place of the filter row. */
import { useState } from 'preact/hooks';
import { href, hrefOf } from '../data/address';
import { start, VERBS, type Target } from '../data/bulk';
import { count, now } from '../data/clock';
import type { AnalysisFilter, AnalysisRowFragment, BulkActionKind } from '../data/gql/graphql';
import { changed, type Query } from '../data/lists';
import { isOpen } from '../data/rules';
import { analyses, BulkDialog } from './BulkDialog';
import { Download } from './Download';
import { Icon } from './Icon';
import { toast } from './toast';

/** The number of analyses from which an action asks first. Deleting always asks. */
const ASK_FROM = 10;

/** The whole list behind the rows. */
export interface Scope {
  filter: AnalysisFilter;
  total: number;
  /** The conditions as words: "created in the last 24 h". */
  words: string;
  /** The parameters of its address. */
  query: Query;
}

interface Props {
  rows: AnalysisRowFragment[];
  /** Without it, only the rows can be selected. */
  scope?: Scope;
  clear: () => void;
}

const MAY: Record<BulkActionKind, (row: AnalysisRowFragment) => boolean> = {
  RETRY: (row) => row.retryable,
  CANCEL: (row) => row.cancelable,
  DELETE: (row) => !isOpen(row.status),
};

/** Conditions that an analysis no longer meets after an action. */
const CHANGED = ['status', 'code', 'error'];

/**
 * Says that an action has started, with a link to its page. The server keeps no filter of an action: the link has the list of
 * `query`, without the conditions that the action changes.
 */
export function announce(kind: BulkActionKind, id: string, number: number, query?: Query): void {
  const kept = query && changed(query, Object.fromEntries(CHANGED.map((name) => [name, null])));
  const list = kept && kind !== 'DELETE' ? href('analyses', kept).split('?')[1] : undefined;
  toast(`${VERBS[kind].running} ${analyses(number)}.`, 'done', { href: `${hrefOf(id)}${list ? `?list=${encodeURIComponent(list)}` : ''}`, words: 'Show progress' });
}

export function Bulk({ rows, scope, clear }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [asked, ask] = useState<{ kind: BulkActionKind; target: Target } | null>(null);
  /** The time at which all of the filter were selected, with the rows of then: another selection ends it. */
  const [all, setAll] = useState<{ at: string; ids: string } | null>(null);
  const ids = rows.map(({ id }) => id).join();
  const allAt = all?.ids === ids ? all.at : null;
  const [refusal, setRefusal] = useState<string | null>(null);

  const act = async (kind: BulkActionKind) => {
    setRefusal(null);
    if (allAt && scope) {
      // A list without conditions is all until now: the server refuses a filter without any.
      const filter = Object.keys(scope.filter).length ? scope.filter : { createdBefore: allAt };
      return ask({ kind, target: { filter, createdBefore: allAt } });
    }
    const ids = rows.filter(MAY[kind]).map(({ id }) => id);
    if (kind === 'DELETE' || ids.length >= ASK_FROM) return ask({ kind, target: { ids: rows.map(({ id }) => id) } });
    setBusy(true);
    try {
      const answer = await start(kind, { ids });
      if (answer.id) {
        announce(kind, answer.id, answer.eligible);
        clear();
      } else setRefusal(answer.refusal);
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setBusy(false);
  };
  const button = (kind: BulkActionKind) => {
    const number = rows.filter(MAY[kind]).length;
    const { now: verb, past } = VERBS[kind];
    const isNone = !allAt && number === 0;
    return (
      <button
        type="button"
        class={kind === 'DELETE' ? 'danger' : ''}
        disabled={isBusy || isNone}
        title={isNone ? `None of the selected analyses can be ${past.toLowerCase()}.` : undefined}
        onClick={() => void act(kind)}
      >
        {verb}
        {allAt || kind === 'DELETE' ? '…' : ` ${count(number)}`}
      </button>
    );
  };
  return (
    <div class="bulk" role="region" aria-label="Actions on the selected analyses">
      <b>{allAt && scope ? `All ${count(scope.total)} selected` : `${count(rows.length)} selected`}</b>
      {scope && (
        <span class="quiet of">
          {!allAt && `of ${count(scope.total)} `}
          {scope.words}
        </span>
      )}
      {scope && !allAt && scope.total > rows.length && (
        <button type="button" class="link" onClick={() => setAll({ at: new Date(now()).toISOString(), ids })}>
          Select all {count(scope.total)}
        </button>
      )}
      <span class="refusal" role="status">
        {refusal}
      </span>
      <span class="deeds push">
        {button('RETRY')}
        {button('CANCEL')}
        <Download of={allAt && scope ? { filter: scope.filter } : { ids: rows.map(({ id }) => id) }} />
        {button('DELETE')}
      </span>
      <button type="button" class="icon-button" aria-label="Clear selection" onClick={clear}>
        <Icon name="cross" />
      </button>
      {asked && (
        <BulkDialog
          kind={asked.kind}
          target={asked.target}
          answered={(id, eligible) => {
            ask(null);
            if (!id) return;
            announce(asked.kind, id, eligible, asked.target.filter && scope?.query);
            clear();
          }}
        />
      )}
    </div>
  );
}
