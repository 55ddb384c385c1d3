import { useMutation, useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { firstPage, loadMore } from './client';
import { AnalysisDocument, CancelDocument, type AnalysesQuery } from './gql/graphql';
import { changed } from './live';

/** All analyses, newest first; each opens to show its result. */
export function Analyses() {
  const { data, error, fetchMore } = useQuery(firstPage.query, { variables: firstPage.variables });
  const [problem, setProblem] = useState<string>();
  if (!data) return <p className="card quiet">{error ? `The server does not answer: ${error.message}` : 'Loading …'}</p>;
  const { edges, pageInfo, totalCount } = data.analyses;
  const more = () =>
    loadMore(fetchMore).then(
      () => setProblem(undefined),
      ({ message }: Error) => setProblem(message),
    );
  return (
    <section className="card" id="analyses" data-total={totalCount}>
      <h2>
        Analyses <small className="quiet">{edges.length.toLocaleString('en')} of {totalCount.toLocaleString('en')}</small>
      </h2>
      {totalCount === 0 && <p className="quiet">None yet.</p>}
      <ul>
        {edges.map(({ node }) => (
          <Analysis key={node.id} analysis={node} />
        ))}
      </ul>
      {pageInfo.hasNextPage && <button onClick={() => void more()}>Load more</button>}
      {problem && <p className="problem">{problem}</p>}
    </section>
  );
}

type Row = AnalysesQuery['analyses']['edges'][number]['node'];

function Analysis({ analysis: { id, key, status, result, error } }: { analysis: Row }) {
  const [open, setOpen] = useState(false);
  const [problem, setProblem] = useState<string>();
  // Shown as canceled at once. The server's response confirms or reverts this.
  const [cancel] = useMutation(CancelDocument, {
    variables: { id },
    optimisticResponse: { cancelAnalysis: { analysis: { __typename: 'Analysis', id, status: 'CANCELED' }, userErrors: [] } },
    onCompleted: ({ cancelAnalysis }) => setProblem(cancelAnalysis.userErrors[0]?.message),
    onError: ({ message }) => setProblem(message),
  });
  return (
    <li data-id={id} data-status={status}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="badge" data-status={status} />
          <span className="title">{result?.summary ?? error?.message ?? key ?? id}</span>
        </summary>
        {open && <Details key={status} id={id} />}
      </details>
      {(status === 'QUEUED' || status === 'RUNNING') && <button onClick={() => void cancel().finally(changed)}>Cancel</button>}
      {problem && <span className="problem">{problem}</span>}
    </li>
  );
}

function Details({ id }: { id: string }) {
  const { data, error } = useQuery(AnalysisDocument, { variables: { id } });
  if (!data?.analysis) return <p className="quiet">{error?.message ?? 'Loading …'}</p>;
  const { inputText, result } = data.analysis;
  return (
    <div className="details">
      {inputText !== null && <pre className="input" dir="auto">{inputText}</pre>}
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
