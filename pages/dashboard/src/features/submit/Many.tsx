/** The input of many items: pasted lines or a file, which only the browser reads, with a preview and the faults of each line. */
import { useRef, useState } from 'preact/hooks';
import { count, plural } from '../../data/clock';
import { Icon } from '../../ui/Icon';
import { clip } from '../../ui/words';
import type { Draft } from './draft';
import { manyOf } from './file';
import { leftOut, MOST_ITEMS, namesOf, previewOf, type Fault, type Parsed } from './items';
import type { Field } from './schema';

const SHOWN_ITEMS = 5;
const SHOWN_FAULTS = 20;

function Preview({ parsed, content }: { parsed: Parsed; content: Field }) {
  const { items } = parsed;
  const hasKeys = items.some(({ key }) => key !== null);
  return (
    <div class="card preview small-table" role="region" aria-label="Preview" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col" class="number">
              Line
            </th>
            {hasKeys && <th scope="col">Key</th>}
            <th scope="col">{content.label}</th>
          </tr>
        </thead>
        <tbody>
          {items.slice(0, SHOWN_ITEMS).map((item) => (
            <tr key={item.line}>
              <td class="number quiet">{count(item.line)}</td>
              {hasKeys && <td dir="auto">{item.key}</td>}
              <td dir="auto">{clip(previewOf(item, content), 160)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {items.length > SHOWN_ITEMS && <p class="quiet more">and {count(items.length - SHOWN_ITEMS)} more</p>}
    </div>
  );
}

export function Faults({ title, faults }: { title: string; faults: readonly Fault[] }) {
  return (
    <div class="faults" role="status">
      <strong>{title}</strong>
      <ul>
        {faults.slice(0, SHOWN_FAULTS).map(({ line, message }, index) => (
          <li key={index}>
            <b>Line {count(line)}</b> <bdi>{message}</bdi>
          </li>
        ))}
        {faults.length > SHOWN_FAULTS && <li class="quiet">and {count(faults.length - SHOWN_FAULTS)} more</li>}
      </ul>
    </div>
  );
}

interface Props {
  many: Draft['many'];
  parsed: Parsed;
  content: Field;
  set: (many: Draft['many']) => void;
}

const NOTHING = { text: '', format: 'lines', file: null } as const;

export function Many({ many, parsed, content, set }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [refusal, setRefusal] = useState('');
  const [isOver, setOver] = useState(false);
  const change = (many: Draft['many']) => {
    setRefusal('');
    set(many);
  };
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      change(await manyOf(file));
    } catch (error) {
      setRefusal((error as Error).message);
    }
  };
  const found = parsed.items.length;
  return (
    <div
      class={isOver ? 'many over' : 'many'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void take(event.dataTransfer?.files[0]);
      }}
    >
      {many.file ? (
        <p class="file">
          <Icon name="list" />
          <b>
            <bdi>{many.file}</bdi>
          </b>
          <button type="button" class="link" onClick={() => change(NOTHING)}>
            Remove
          </button>
        </p>
      ) : (
        <div class="field">
          <label for="many">One item per line</label>
          <textarea
            id="many"
            rows={10}
            dir="auto"
            value={many.text}
            placeholder="Paste lines, or drop a file here."
            onInput={(event) => change({ ...NOTHING, text: event.currentTarget.value })}
          />
        </div>
      )}
      <div class="choose">
        <input ref={input} type="file" hidden accept=".txt,.csv,.jsonl,.ndjson" onChange={(event) => void take(event.currentTarget.files?.[0])} />
        <button
          type="button"
          onClick={() => {
            input.current!.value = ''; // the same file may be chosen again
            input.current!.click();
          }}
        >
          Choose a file
        </button>
        <span class="quiet">
          .txt: one item per line. .csv: columns <code>{content.name}</code>, <code>key</code> and options. .jsonl: one object per line. Up to {count(MOST_ITEMS)} items.
        </span>
      </div>
      <p class="refusal" role="status">
        {refusal}
      </p>
      {many.text && (
        <p class="found" role="status">
          <b>{plural(found, 'item')}</b>
          {parsed.faults.length > 0 && <span class="refusal">, {plural(leftOut(parsed.faults), 'line')} left out</span>}
          {parsed.unused.length > 0 && <span class="quiet">. Columns without a use: {namesOf(parsed.unused)}</span>}
        </p>
      )}
      {parsed.faults.length > 0 && <Faults title="Lines left out" faults={parsed.faults} />}
      {found > 0 && <Preview parsed={parsed} content={content} />}
    </div>
  );
}
