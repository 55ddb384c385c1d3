/** One analysis, live: result, input, history, JSON. */
import { useQuery } from '@urql/preact';
import { useLocation } from 'preact-iso';
import { useMemo, useState } from 'preact/hooks';
import { FILES, href, hrefOf } from '../../data/address';
import { messageOf } from '../../data/client';
import { count, milliseconds } from '../../data/clock';
import { AnalysisDocument, type AnalysisQuery } from '../../data/gql/graphql';
import { useSubject } from '../../data/subject';
import type { PageProps } from '../../feature';
import { Result } from '../../results/Result';
import { cancel, retry } from '../../ui/actions';
import { Api } from '../../ui/Api';
import { CopyId } from '../../ui/CopyId';
import { Icon } from '../../ui/Icon';
import { Meter } from '../../ui/Meter';
import { PageHead } from '../../ui/PageHead';
import { Blank, Fault, Loading } from '../../ui/states';
import { useShortcuts, type Shortcut } from '../../ui/shortcuts';
import { State } from '../../ui/State';
import { Tabs } from '../../ui/Tabs';
import { Moment } from '../../ui/When';
import { sentence } from '../../ui/words';
import './analyses.css';
import { Failure } from './Failure';
import { History } from './History';
import { placeOf } from './memory';
import { Spans } from './Spans';

export type Detail = NonNullable<AnalysisQuery['analysis']>;

const TABS = ['result', 'input', 'history', 'json'] as const;
const SHOWN_CHARACTERS = 20_000;
/** The types of one analysis's events. */
const TYPES = ['QUEUED', 'STARTED', 'PROGRESS', 'RETRYING', 'COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT'].map((each) => `ANALYSIS_${each}`);

function Input({ analysis }: { analysis: Detail }) {
  const [isAll, setAll] = useState(false);
  const text = analysis.inputText ?? (analysis.inputData === null ? null : JSON.stringify(analysis.inputData, null, 2));
  const isLong = text !== null && text.length > SHOWN_CHARACTERS;
  return (
    <>
      {text === null ? (
        <Blank>No input: it was refused, or the analyzer takes none.</Blank>
      ) : (
        <pre class="input" dir="auto">
          {isAll || !isLong ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`}
        </pre>
      )}
      {isLong && (
        <button type="button" class="link" onClick={() => setAll(!isAll)}>
          {isAll ? 'Show less' : `Show all ${count(text.length)} characters`}
        </button>
      )}
      <h2>Options</h2>
      <pre class="json" dir="auto">
        {JSON.stringify(analysis.options, null, 2)}
      </pre>
    </>
  );
}

function ResultTab({ analysis }: { analysis: Detail }) {
  const { error, result, progress, status } = analysis;
  return (
    <>
      {status === 'RUNNING' && (
        <div class="running">
          <Meter value={progress.fraction} label={`${Math.round(progress.fraction * 100)} % done`} />
          <bdi class="quiet">{progress.step}</bdi>
        </div>
      )}
      <Failure analysis={analysis} />
      {result && <Result result={result} scoreMeaning={analysis.analyzer.scoreMeaning} />}
      {!result && !error && status !== 'RUNNING' && <Blank>{status === 'QUEUED' ? 'It waits in the queue.' : 'There is no result.'}</Blank>}
    </>
  );
}

function Facts({ analysis }: { analysis: Detail }) {
  return (
    <dl class="card facts">
      <dt>Id</dt>
      <dd>
        <CopyId id={analysis.id} />
      </dd>
      {analysis.batch && (
        <>
          <dt>Batch</dt>
          <dd>
            <a href={hrefOf(analysis.batch.id)}>
              <bdi>{analysis.batch.name ?? `…${analysis.batch.id.slice(-8)}`}</bdi>
            </a>
          </dd>
        </>
      )}
      <dt>Analyzer</dt>
      <dd>
        {analysis.analyzer.name} {analysis.analyzer.version}
      </dd>
      <dt>Priority</dt>
      <dd>{analysis.priority} of 10</dd>
      <dt>Attempt</dt>
      <dd>
        {analysis.attempt} of at most {analysis.maxAttempts}
      </dd>
      <dt>Took</dt>
      <dd>{analysis.processingTimeMs === null ? <span class="quiet">not yet</span> : milliseconds(analysis.processingTimeMs)}</dd>
      <dt>Created</dt>
      <dd>
        <Moment at={analysis.createdAt} />
      </dd>
      <dt>Started</dt>
      <dd>
        <Moment at={analysis.startedAt} />
      </dd>
      <dt>Ended</dt>
      <dd>
        <Moment at={analysis.finishedAt} />
      </dd>
    </dl>
  );
}

/** Retry or Cancel, if the state allows it. A refusal appears beside the button. */
function Actions({ analysis, again }: { analysis: Detail; again: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const run = async (act: (id: string) => Promise<string | null>) => {
    setBusy(true);
    setRefusal(await act(analysis.id).catch((error: Error) => error.message));
    setBusy(false);
    again();
  };
  const offered = analysis.retryable ? (['Retry', retry] as const) : analysis.cancelable ? (['Cancel', cancel] as const) : null;
  return (
    <div class="actions">
      <span class="refusal" role="status">
        {refusal}
      </span>
      {offered && (
        <button type="button" disabled={isBusy} onClick={() => void run(offered[1])}>
          {offered[0]}
        </button>
      )}
      <a class="button" href={href('new', { from: analysis.id })}>
        Run again
      </a>
      <Api document={AnalysisDocument} variables={{ id: analysis.id }}>
        {analysis.result && (
          <a href={`${FILES}analyses/${analysis.id}/result.json`} download={`${analysis.id}.json`}>
            Download the result
          </a>
        )}
        {analysis.inputExcerpt !== null && (
          <a href={`${FILES}analyses/${analysis.id}/input`} download={`${analysis.id}.${analysis.inputText === null ? 'json' : 'txt'}`}>
            Download the input
          </a>
        )}
      </Api>
    </div>
  );
}

/** The way back to the list, the place in it, and its neighbors, also by the keys j and k. */
function Crumbs({ id }: { id: string }) {
  const { route } = useLocation();
  const place = placeOf(id);
  const keys = useMemo<Shortcut[]>(() => {
    const go = (to: string | undefined) => () => to && route(hrefOf(to));
    return [
      { key: 'j', what: 'next analysis of the list', act: go(place?.older) },
      { key: 'k', what: 'previous analysis of the list', act: go(place?.newer) },
    ];
  }, [id]);
  useShortcuts(keys);
  if (!place) return <a href={href('analyses')}>Analyses</a>;
  const step = (to: string | undefined, icon: 'left' | 'right', name: string) =>
    to && (
      <a class="step" href={hrefOf(to)} aria-label={name} title={name}>
        <Icon name={icon} />
      </a>
    );
  return (
    <>
      <a href={place.list.href}>Analyses</a>
      {place.number !== null && (
        <span>
          / {count(place.number)} of {count(place.list.total)}
        </span>
      )}
      {step(place.newer, 'left', 'Previous analysis')}
      {step(place.older, 'right', 'Next analysis')}
    </>
  );
}

function View({ id }: { id: string }) {
  const { query } = useLocation();
  const [{ data, error }, execute] = useQuery({ query: AnalysisDocument, variables: { id }, requestPolicy: 'cache-and-network' });
  const again = () => execute({ requestPolicy: 'network-only' });
  useSubject(id, TYPES, data?.eventsEnd, again);
  const crumbs = <Crumbs id={id} />;
  if (error && !data) {
    return (
      <>
        <PageHead title="Analysis" crumbs={crumbs} />
        <Fault message={`The analysis could not be read. ${messageOf(error)}`} again={again} />
      </>
    );
  }
  if (!data) return <Loading />;
  const { analysis } = data;
  if (!analysis) {
    return (
      <>
        <PageHead title="Analysis" crumbs={crumbs} />
        <Blank>This analysis does not exist, or was deleted.</Blank>
      </>
    );
  }
  const tab = TABS.find((each) => each === query.tab) ?? 'result';
  const counts = { history: count(analysis.events.nodes.length) as string | undefined } as Record<string, string | undefined>;
  return (
    <div data-id={analysis.id} data-status={analysis.status}>
      <PageHead
        title={analysis.title}
        beside={
          <>
            <span class="quiet">{analysis.analyzer.name}</span> <State of={analysis.status} />
          </>
        }
        crumbs={crumbs}
      >
        <Actions analysis={analysis} again={again} />
      </PageHead>
      <Tabs
        label="Parts of the analysis"
        tabs={TABS.map((each) => ({
          name: each === 'json' ? 'JSON' : sentence(each),
          href: each === 'result' ? hrefOf(id) : `${hrefOf(id)}?tab=${each}`,
          isCurrent: tab === each,
          count: counts[each],
        }))}
      />
      <div class="detail">
        <div class="part-of-analysis">
          {tab === 'result' && <ResultTab analysis={analysis} />}
          {tab === 'input' && <Input analysis={analysis} />}
          {tab === 'history' && <History analysis={analysis} />}
          {tab === 'json' && <pre class="json">{JSON.stringify(analysis.result?.data ?? analysis.error, null, 2)}</pre>}
        </div>
        <div class="beside">
          <Spans analysis={analysis} />
          <Facts analysis={analysis} />
        </div>
      </div>
    </div>
  );
}

export default function Analysis({ params }: PageProps) {
  return <View key={params.id} id={params.id!} />;
}
