/** The form for one text, or one text per line. A submitted analysis or batch is opened at once. */
import { useState } from 'preact/hooks';
import { mutate } from './api';
import { plural } from './clock';
import { SUBMIT, SUBMIT_BATCH, TEXT_OPERATIONS, type AnalysisPayload, type BatchPayload } from './operations';
import { ActionNote, Card, useAction } from './ui';

const DEFAULTS = ['STATISTICS', 'LANGUAGE', 'SENTIMENT', 'KEYWORDS'];

export function Submit() {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(DEFAULTS));
  const [byLine, setByLine] = useState(false);
  const action = useAction();
  const lines = byLine ? text.split('\n').filter((line) => line.trim()) : [];

  const submit = async () => {
    let opened = '';
    const operations = TEXT_OPERATIONS.map(([name]) => name).filter((name) => chosen.has(name));
    const idempotencyKey = newKey();
    const isDone = await action.run(async () => {
      if (byLine) {
        const items = lines.map((line) => ({ request: { text: { text: line, operations } } }));
        const { batchProcess } = await mutate<{ batchProcess: BatchPayload }>(SUBMIT_BATCH, { input: { items, idempotencyKey } });
        opened = `#/batch/${batchProcess.batch?.id}`;
        return batchProcess;
      }
      const input = { request: { text: { text, operations } }, idempotencyKey };
      const { submitAnalysis } = await mutate<{ submitAnalysis: AnalysisPayload }>(SUBMIT, { input });
      opened = `#/analysis/${submitAnalysis.analysis?.id}`;
      return submitAnalysis;
    }, 'Submitted.');
    if (isDone) location.hash = opened;
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
        <label class="by-line">
          <input type="checkbox" checked={byLine} onChange={(event) => setByLine(event.currentTarget.checked)} />
          One text per line, as a batch {byLine && <span class="quiet">of {plural(lines.length, 'text')}</span>}
        </label>
        <fieldset class="operations">
          <legend>Operations</legend>
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

/** Returns a random key. `crypto.randomUUID` is missing on pages loaded over plain HTTP from another machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
