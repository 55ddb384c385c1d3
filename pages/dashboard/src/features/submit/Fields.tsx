/** The fields of a form, each with its help, its bounds, and the fault that the server found in it. */
import type { ComponentChildren } from 'preact';
import { count } from '../../data/clock';
import { sentence } from '../../ui/words';
import { characters, type Entry, type Field } from './schema';

interface FrameProps {
  id: string;
  label: string;
  help?: string | undefined;
  fault?: string | undefined;
  /** Beside the help, such as a counter. */
  note?: ComponentChildren;
  children: ComponentChildren;
}

/** A label, its control, and the words about it. */
export function Labeled({ id, label, help, fault, note, children }: FrameProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <div class="about">
        {help && <span id={`${id}-help`}>{help}</span>}
        {note}
      </div>
      <p class="refusal" id={`${id}-fault`} role="status">
        {fault}
      </p>
    </div>
  );
}

/** The attributes of a control inside `Labeled`. */
export const described = (id: string, fault: string | undefined) => ({
  id,
  'aria-describedby': `${id}-help ${id}-fault`,
  'aria-invalid': fault ? true : undefined,
});

interface Props {
  field: Field;
  entry: Entry;
  fault: string | undefined;
  set: (entry: Entry) => void;
}

function Counter({ text, most }: { text: string; most: number }) {
  const length = characters(text);
  return (
    <span class={length > most ? 'counter refusal' : 'counter'}>
      {count(length)} of {count(most)} characters
    </span>
  );
}

/** Several words of a list: each may be chosen. */
function Choices({ field, entry, fault, set }: Props) {
  const chosen = new Set(entry as string[]);
  return (
    <fieldset class="field choices">
      <legend>{field.label}</legend>
      <div class="options">
        {field.options.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={chosen.has(name)}
              onChange={(event) => set(field.options.filter((each) => (each === name ? event.currentTarget.checked : chosen.has(each))))}
            />
            {sentence(name)}
          </label>
        ))}
      </div>
      <p class="refusal" role="status">
        {fault}
      </p>
    </fieldset>
  );
}

export function FieldOf(props: Props) {
  const { field, entry, fault, set } = props;
  const { kind, label, help, most, least } = field;
  const id = `field-${field.name}`;
  if (kind === 'choices') return <Choices {...props} />;
  if (kind === 'flag') {
    return (
      <div class="field">
        <label class="flag">
          <input type="checkbox" checked={entry === true} onChange={(event) => set(event.currentTarget.checked)} />
          {label}
        </label>
        <div class="about">{help}</div>
        <p class="refusal" role="status">
          {fault}
        </p>
      </div>
    );
  }
  const text = String(entry);
  const common = { ...described(id, fault), value: text, required: field.isRequired };
  const change = (event: { currentTarget: { value: string } }) => set(event.currentTarget.value);
  const isLong = kind === 'text' || kind === 'words' || kind === 'json';
  return (
    <Labeled id={id} label={label} help={help} fault={fault} note={kind === 'text' && most ? <Counter text={text} most={most} /> : undefined}>
      {kind === 'choice' ? (
        <select {...common} onChange={change}>
          {!field.isRequired && !field.options.includes(text) && <option value="">Default</option>}
          {field.options.map((each) => (
            <option key={each} value={each}>
              {sentence(each)}
            </option>
          ))}
        </select>
      ) : isLong ? (
        <textarea {...common} class={kind === 'json' ? 'code' : ''} rows={field.isContent ? 10 : 4} dir="auto" spellcheck={kind === 'text'} onInput={change} />
      ) : (
        <input {...common} type={kind === 'number' ? 'number' : 'text'} min={least} max={most} step={field.isWhole ? 1 : 'any'} dir="auto" autocomplete="off" onInput={change} />
      )}
    </Labeled>
  );
}
