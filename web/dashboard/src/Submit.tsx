/** A text, and what is wanted of it. The result opens as soon as it is submitted, and is watched. */
import { useState } from 'preact/hooks';
import { mutate } from './api';
import { SUBMIT, TEXT_OPERATIONS, type AnalysisPayload } from './operations';
import { ActionNote, Card, useAction } from './ui';

const DEFAULTS = ['STATISTICS', 'LANGUAGE', 'SENTIMENT', 'KEYWORDS'];

export function Submit() {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(DEFAULTS));
  const action = useAction();

  const submit = async () => {
    let id: string | undefined;
    const operations = TEXT_OPERATIONS.map(([name]) => name).filter((name) => chosen.has(name));
    const isDone = await action.run(async () => {
      const input = { request: { text: { text, operations } }, idempotencyKey: newKey() };
      const { submitAnalysis } = await mutate<{ submitAnalysis: AnalysisPayload }>(SUBMIT, { input });
      id = submitAnalysis.analysis?.id;
      return submitAnalysis;
    }, 'Submitted.');
    if (isDone && id) location.hash = `#/analysis/${id}`;
  };

  return (
    <Card title="Analyze a text" id="submit">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label class="hidden" for="submit-text">
          Text
        </label>
        <textarea
          id="submit-text"
          rows={4}
          dir="auto"
          required
          placeholder="Write or paste a text in any language."
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <fieldset class="operations">
          <legend>What to find out</legend>
          {TEXT_OPERATIONS.map(([name, label]) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={chosen.has(name)}
                onChange={(event) => {
                  const next = new Set(chosen);
                  if (event.currentTarget.checked) next.add(name);
                  else next.delete(name);
                  setChosen(next);
                }}
              />
              {label}
            </label>
          ))}
        </fieldset>
        <div class="actions">
          <button type="submit" class="primary" disabled={action.busy || !text.trim() || chosen.size === 0}>
            Analyze
          </button>
          <ActionNote note={action.note} />
        </div>
      </form>
    </Card>
  );
}

/** `crypto.randomUUID` is not there on a page that came over plain HTTP from another machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
