import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { useLiveQuery } from './client';
import { AnalysesDocument, AnalysisDocument, CancelDocument, type AnalysesQuery } from './gql/graphql';
import { changed } from './live';

const PAGE = 20;

/** All analyses by pages, newest first. A page keeps its position, after its cursor, while the list grows. */
export function Analyses() {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const { data, error } = useLiveQuery(AnalysesDocument, { first: PAGE, after: pages.at(-1) ?? null });
  if (!data) return <p className="card quiet">{error ? `The server does not answer: ${error.message}` : 'Loading …'}</p>;
  const { nodes, pageInfo, totalCount } = data.analyses;
  return (
    <section className="card" id="analyses" data-total={totalCount}>
      <h2>
        Analyses <small className="quiet">{totalCount.toLocaleString('en')}</small>
      </h2>
      {totalCount === 0 && <p className="quiet">None yet.</p>}
      <ul>
        {nodes.map((node) => (
          <Analysis key={node.id} analysis={node} />
        ))}
      </ul>
      <div className="row">
        <button disabled={pages.length === 1} onClick={() => setPages(pages.slice(0, -1))}>
          Newer
        </button>
        <span className="quiet">Page {pages.length}</span>
        <button disabled={!pageInfo.hasNextPage} onClick={() => setPages([...pages, pageInfo.endCursor])}>
          Older
        </button>
      </div>
      {error && <p className="problem">Not refreshed: {error.message}</p>}
    </section>
  );
}

type Row = AnalysesQuery['analyses']['nodes'][number];

function Analysis({ analysis: { id, key, status, result, error } }: { analysis: Row }) {
  const [open, setOpen] = useState(false);
  const [canceled, cancel] = useMutation(CancelDocument);
  const problem = canceled.error?.message ?? canceled.data?.cancelAnalysis.userErrors[0]?.message;
  return (
    <li data-id={id} data-status={status}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="badge" data-status={status} />
          <span className="title">{result?.summary ?? error?.message ?? key ?? id}</span>
        </summary>
        {open && <Details key={status} id={id} />}
      </details>
      {(status === 'QUEUED' || status === 'RUNNING') && (
        <button disabled={canceled.fetching} onClick={() => void cancel({ id }).then(changed)}>
          Cancel
        </button>
      )}
      {problem && <span className="problem">{problem}</span>}
    </li>
  );
}

function Details({ id }: { id: string }) {
  // Data read before the end of the analysis has no result, and is refetched.
  const [{ data, error, fetching, stale }] = useQuery({ query: AnalysisDocument, variables: { id }, requestPolicy: 'cache-and-network' });
  if (fetching || stale || !data?.analysis) return <p className="quiet">{error?.message ?? 'Loading …'}</p>;
  const { inputText, result } = data.analysis;
  return (
    <div className="details">
      {inputText !== null && (
        <pre className="input" dir="auto">
          {inputText}
        </pre>
      )}
      {result?.__typename === 'TextResult' ? (
        <dl>
          <dt>Language</dt>
          <dd>{result.language?.name ?? '–'}</dd>
          <dt>Sentiment</dt>
          <dd>{result.sentiment ? `${result.sentiment.label.toLowerCase()}, ${result.sentiment.score.toFixed(2)}` : '–'}</dd>
          <dt>Keywords</dt>
          <dd>{result.keywords?.map(({ text }) => text).join(', ') || '–'}</dd>
        </dl>
      ) : (
        // The result of an analyzer that this page does not know, for example of a newer server.
        result && <pre className="json">{JSON.stringify(result.data, null, 2)}</pre>
      )}
    </div>
  );
}
