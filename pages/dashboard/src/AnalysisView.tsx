/** One analysis, live: input, result and history. */
import { useEffect, useState } from 'preact/hooks';
import { mutate, onConnected, query, subscribe } from './api';
import { onEvent } from './log';
import { clockTime, count, fullTime, milliseconds, plural } from './clock';
import {
  ANALYSIS,
  ANALYSIS_HISTORY,
  CANCEL_ANALYSIS,
  RETRY_ANALYSIS,
  type Analysis,
  type AnalysisData,
  type AnalysisPayload,
  type HistoryData,
  type LogEvent,
} from './operations';
import { Result } from './Result';
import { ActionNote, CopyId, Moment, sentence, Status, useAction } from './ui';
import { titleOf } from './Batches';

const SHOWN_CHARACTERS = 2_000;

function Input({ analysis }: { analysis: Analysis }) {
  const [all, setAll] = useState(false);
  const text = analysis.inputText ?? (analysis.inputData === null ? null : JSON.stringify(analysis.inputData, null, 2));
  if (text === null) return <p class="empty">No input: it was refused, or the analyzer takes none.</p>;
  const isLong = text.length > SHOWN_CHARACTERS;
  return (
    <>
      <pre class="input" dir="auto">
        {all || !isLong ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`}
      </pre>
      {isLong && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? 'Show less' : `Show all ${count(text.length)} characters`}
        </button>
      )}
    </>
  );
}

function History({ events }: { events: LogEvent[] }) {
  const starts = events.filter((event) => event.type === 'ANALYSIS_STARTED').length;
  return (
    <>
      <h3>
        History <span class="quiet">{plural(starts, 'attempt')}</span>
      </h3>
      <ol class="history">
        {events.map((event) => (
          <li key={event.cursor}>
            <time dateTime={event.occurredAt} title={fullTime(event.occurredAt)}>
              {clockTime(event.occurredAt)}
            </time>
            <span class="status" data-status={event.type.replace('ANALYSIS_', '')}>
              {sentence(event.type.replace('ANALYSIS_', ''))}
            </span>
            <span class="quiet">{event.error?.message ?? event.progress?.step}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

export function AnalysisView({ id }: { id: string }) {
  const [analysis, setAnalysis] = useState<Analysis | null>(null);
  const [events, setEvents] = useState<LogEvent[]>([]);
  const [error, setError] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const action = useAction();

  // The stream ends with the analysis, and is reopened after a retry.
  useEffect(
    () =>
      subscribe<AnalysisData>(ANALYSIS, { id }, ({ analysis }) => setAnalysis(analysis), {
        ended: () => undefined,
        refused: (refusal) => {
          setError(refusal.message);
          return 'stop';
        },
      }),
    [id, round],
  );
  const state = analysis && `${analysis.status} ${analysis.attempt} ${analysis.progress.fraction} ${round}`;
  useEffect(() => {
    let isWanted = true;
    query<HistoryData>(ANALYSIS_HISTORY, { id }).then(
      (data) => isWanted && data.analysis && setEvents(data.analysis.events.nodes),
      () => undefined, // the next change repeats the query
    );
    return () => void (isWanted = false);
  }, [id, state]);
  // Other clients may retry it too, also during a lost connection.
  useEffect(() => {
    const next = () => setRound((value) => value + 1);
    const connected = (again: boolean) => again && next();
    onConnected.add(connected);
    const forget = onEvent((event) => event.subjectId === id && event.type === 'ANALYSIS_QUEUED' && next());
    return () => {
      onConnected.delete(connected);
      forget();
    };
  }, [id]);

  if (!analysis) return <p class="empty">{error ?? 'Loading the analysis…'}</p>;
  const isOpen = analysis.status === 'QUEUED' || analysis.status === 'RUNNING';
  const wasRefused = analysis.status === 'FAILED' && analysis.attempt === 0;
  const canRetry = ['FAILED', 'CANCELED', 'TIMED_OUT'].includes(analysis.status) && !wasRefused;
  const send = async (document: string, field: string) => (await mutate<Record<string, AnalysisPayload>>(document, { id }))[field]!;
  const retry = async () => {
    if (await action.run(() => send(RETRY_ANALYSIS, 'retryAnalysis'), 'Queued again.')) setRound(round + 1);
  };
  return (
    <div data-id={analysis.id}>
      <p class="kind">
        {analysis.batch && (
          <>
            <a href={`#/batch/${analysis.batch.id}`}>Batch {titleOf(analysis.batch)}</a> /{' '}
          </>
        )}
        Analysis
      </p>
      <h2 class="drawer-title">{analysis.key ?? `${sentence(analysis.analyzer.name)} …${analysis.id.slice(-8)}`}</h2>
      <p class="subtitle">
        <Status of={analysis.status} /> <CopyId id={analysis.id} />
      </p>
      {analysis.status === 'RUNNING' && (
        <div class="bar">
          <progress value={analysis.progress.fraction} max={1} aria-label="Progress of this analysis" />
          <span class="bar-text quiet">{analysis.progress.step}</span>
        </div>
      )}
      <div class="actions">
        {isOpen && (
          <button type="button" disabled={action.busy} onClick={() => void action.run(() => send(CANCEL_ANALYSIS, 'cancelAnalysis'), 'Canceled.')}>
            Cancel
          </button>
        )}
        {canRetry && (
          <button type="button" disabled={action.busy} onClick={() => void retry()}>
            Retry
          </button>
        )}
        <ActionNote note={action.note} />
      </div>
      {analysis.error && (
        <div class="failure">
          <strong>{sentence(analysis.error.code)}</strong>
          <p>{analysis.error.message}</p>
          <p class="quiet">{analysis.error.retryable ? 'Another attempt may succeed.' : 'Another attempt would fail too.'}</p>
        </div>
      )}
      {analysis.result && <Result result={analysis.result} scoreMeaning={analysis.analyzer.scoreMeaning} />}
      <h3>Input</h3>
      <Input analysis={analysis} />
      <details>
        <summary>Options</summary>
        <pre class="json">{JSON.stringify(analysis.options, null, 2)}</pre>
      </details>
      <dl class="facts">
        <dt>Analyzer</dt>
        <dd>{analysis.analyzer.name}</dd>
        <dt>Priority</dt>
        <dd>{analysis.priority} of 10</dd>
        <dt>Attempt</dt>
        <dd>
          {analysis.attempt} of at most {analysis.maxAttempts}
        </dd>
        <dt>Took</dt>
        <dd>{milliseconds(analysis.processingTimeMs)}</dd>
        <dt>Accepted</dt>
        <dd>
          <Moment at={analysis.createdAt} />
        </dd>
        <dt>Ended</dt>
        <dd>
          <Moment at={analysis.finishedAt} />
        </dd>
      </dl>
      <History events={events} />
    </div>
  );
}
