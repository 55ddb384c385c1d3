import { useState } from 'react';
import { useMutation } from 'urql';
import { SubmitDocument, SubmitLinesDocument } from './gql/graphql';
import { changed } from './live';

/** Submits one text, or many with one per line. */
export function Submit() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const [one, submit] = useMutation(SubmitDocument);
  const [many, submitLines] = useMutation(SubmitLinesDocument);
  const lines = text.split('\n').filter((line) => line.trim());

  /** Refusals of a request are data. A failed transfer or a fault of the server is an error. */
  function done(error: Error | undefined, userErrors: { message: string }[] = []) {
    const wrong = error ?? userErrors[0];
    setProblem(wrong?.message);
    if (!wrong) setText('');
    changed();
  }
  async function sendText() {
    const { error, data } = await submit({ text });
    done(error, data?.submitAnalysis.userErrors);
  }
  async function sendLines() {
    const items = lines.map((line, n) => ({ key: `line ${n + 1}`, request: { text: { text: line } } }));
    const { error, data } = await submitLines({ items });
    done(error, data?.batchProcess.userErrors);
  }

  return (
    <form className="card" onSubmit={(event) => event.preventDefault()}>
      <label htmlFor="text">Text to analyze</label>
      <textarea id="text" dir="auto" rows={3} placeholder="One text, or one per line" value={text} onChange={(event) => setText(event.target.value)} />
      <div className="buttons">
        <button className="primary" disabled={!text.trim() || one.fetching} onClick={() => void sendText()}>
          Analyze
        </button>
        <button disabled={lines.length < 2 || many.fetching} onClick={() => void sendLines()}>
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
