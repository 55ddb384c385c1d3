import { useMutation } from '@apollo/client/react';
import { useState } from 'react';
import { SubmitDocument, SubmitLinesDocument } from './gql/graphql';
import { changed } from './live';

/** Submits one text, or many with one per line. */
export function Submit() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const [submit, one] = useMutation(SubmitDocument);
  const [submitLines, many] = useMutation(SubmitLinesDocument);
  const lines = text.split('\n').filter((line) => line.trim());

  /** Refusals of a request are data. A failed transfer or a fault of the server is an error. */
  async function send(sending: Promise<{ message: string }[] | undefined>) {
    const wrong = await sending.catch((error: Error) => [error]);
    setProblem(wrong?.[0]?.message);
    if (!wrong?.length) setText('');
    changed();
  }
  const sendText = async () => (await submit({ variables: { text } })).data?.submitAnalysis.userErrors;
  const sendLines = async () => {
    const items = lines.map((line, n) => ({ key: `line ${n + 1}`, request: { text: { text: line } } }));
    return (await submitLines({ variables: { items } })).data?.batchProcess.userErrors;
  };

  return (
    <form className="card" onSubmit={(event) => event.preventDefault()}>
      <label htmlFor="text">Text to analyze</label>
      <textarea id="text" dir="auto" rows={3} placeholder="One text, or one per line" value={text} onChange={(event) => setText(event.target.value)} />
      <div className="buttons">
        <button className="primary" disabled={!text.trim() || one.loading} onClick={() => void send(sendText())}>
          Analyze
        </button>
        <button disabled={lines.length < 2 || many.loading} onClick={() => void send(sendLines())}>
          Analyze each line{lines.length > 1 && ` (${lines.length.toLocaleString('en')})`}
        </button>
        {problem && (
          <span className="problem" role="alert">
            {problem}
          </span>
        )}
      </div>
    </form>
  );
}
