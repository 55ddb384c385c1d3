/** Pauses and limits: of the whole queue, and of each analyzer. */
import { useRef, useState } from 'preact/hooks';
import { mutate } from '../../data/client';
import { count, plural } from '../../data/clock';
import { metrics, queue } from '../../data/figures';
import { ResumeQueueDocument, SetConcurrencyDocument } from '../../data/gql/graphql';
import { useStore } from '../../data/store';
import { useChange, type Change } from '../../ui/change';
import { Icon } from '../../ui/Icon';
import { Panel } from '../../ui/Panel';
import { PauseForm, useFirst } from '../../ui/PauseForm';
import { Loading } from '../../ui/states';
import { Moment } from '../../ui/When';

interface Target {
  /** Null for the whole queue. */
  analyzer: string | null;
  pausedSince: string | null;
  pauseReason: string | null;
  limit: number | null;
  waiting: number | undefined;
}

interface FormProps {
  target: Target;
  change: Change;
  close: () => void;
}

function LimitForm({ target: { analyzer, limit }, change, close }: FormProps) {
  const [text, setText] = useState(limit === null ? '' : String(limit));
  const field = useFirst();
  const set = async (limit: number | null) => {
    if (await change.make(async () => (await mutate(SetConcurrencyDocument, { analyzer, limit })).setConcurrency)) close();
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void set(Number(field.current!.value));
      }}
    >
      <label class="box narrow">
        <span class="quiet">{analyzer ? 'At once' : 'Slots'}</span>
        <input ref={field} type="number" min={1} max={256} required value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={change.isBusy}>
        Set
      </button>
      {limit !== null && (
        <button type="button" disabled={change.isBusy} onClick={() => void set(null)}>
          {analyzer ? 'No limit' : 'As started'}
        </button>
      )}
      <button type="button" onClick={close}>
        Back
      </button>
    </form>
  );
}

function limitOf({ analyzer, limit }: Target): string {
  if (analyzer) return limit === null ? 'no limit' : `at most ${count(limit)} at once for each worker`;
  return limit === null ? 'slots of each worker as started' : `${plural(limit, 'slot')} for each worker`;
}

function Row({ target }: { target: Target }) {
  const [form, setForm] = useState<'pause' | 'limit' | null>(null);
  const row = useRef<HTMLLIElement>(null);
  const change = useChange();
  const { analyzer, pausedSince, pauseReason, waiting } = target;
  const name = analyzer ?? 'The whole queue';
  const isPaused = pausedSince !== null;
  const open = (which: 'pause' | 'limit') => {
    change.forget();
    setForm(form === which ? null : which);
  };
  const close = () => {
    setForm(null);
    // After a slow answer, the focus may be elsewhere.
    if (row.current?.contains(document.activeElement)) row.current.querySelector('button')?.focus();
  };
  const resume = () => void change.make(async () => (await mutate(ResumeQueueDocument, { analyzer })).resumeQueue);
  return (
    <li ref={row} data-analyzer={analyzer ?? ''} data-paused={isPaused} onKeyDown={(event) => event.key === 'Escape' && form && close()}>
      <div class="line">
        <b class="grow">{name}</b>
        {isPaused && (
          <span class="state" data-status="RETRYING">
            <Icon name="pause" />
            Paused
          </span>
        )}
        {isPaused ? (
          <button type="button" disabled={change.isBusy} aria-label={`Resume: ${name}`} onClick={resume}>
            Resume
          </button>
        ) : (
          <button type="button" aria-expanded={form === 'pause'} aria-label={`Pause: ${name}`} onClick={() => open('pause')}>
            Pause
          </button>
        )}
        <button type="button" aria-expanded={form === 'limit'} aria-label={`${analyzer ? 'Limit' : 'Slots'}: ${name}`} onClick={() => open('limit')}>
          {analyzer ? 'Limit' : 'Slots'}
        </button>
      </div>
      <p class="small quiet">
        {waiting !== undefined && `${count(waiting)} queued, `}
        {limitOf(target)}
      </p>
      {isPaused && (
        <p class="small since">
          Paused since <Moment at={pausedSince} />
          {pauseReason ? (
            <>
              : <bdi class="reason">{pauseReason}</bdi>
            </>
          ) : (
            <span class="quiet">, without a reason</span>
          )}
        </p>
      )}
      {form === 'pause' && !isPaused && <PauseForm analyzer={analyzer} change={change} close={close} />}
      {form === 'limit' && <LimitForm target={target} change={change} close={close} />}
      <p class="refusal small" role="status">
        {change.refusal}
      </p>
    </li>
  );
}

export function Controls() {
  const held = useStore(queue);
  const now = useStore(metrics)?.queue;
  const depths = new Map(now?.byAnalyzer.map(({ analyzer, depth }) => [analyzer, depth]));
  return (
    <Panel title="Pauses and limits" id="controls">
      {!held && <Loading />}
      {held && (
        <ul class="lines holds">
          <Row target={{ analyzer: null, pausedSince: held.pausedSince, pauseReason: held.pauseReason, limit: held.concurrency, waiting: now?.depth }} />
          {held.analyzers.map((each) => (
            <Row key={each.analyzer} target={{ ...each, waiting: now && (depths.get(each.analyzer) ?? 0) }} />
          ))}
        </ul>
      )}
    </Panel>
  );
}
