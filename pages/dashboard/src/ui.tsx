/** Small parts of all sections. Texts from the server are children of elements, so the browser never parses them as HTML. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ago, clockTime, fullTime, tick } from './clock';
import type { UserError } from './operations';
import { useStore } from './store';

export const words = (name: string) => name.toLowerCase().replaceAll('_', ' ');
export const sentence = (name: string) => {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export function Status({ of }: { of: string }) {
  return (
    <span class="status" data-status={of}>
      {sentence(of)}
    </span>
  );
}

/** The elapsed time, with the exact time in the tooltip. */
export function Ago({ at }: { at: string }) {
  useStore(tick);
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at)}
    </time>
  );
}

/** The exact time and the elapsed time. */
export function Moment({ at }: { at: string | null }) {
  useStore(tick);
  if (at === null) return <>–</>;
  return (
    <time dateTime={at} title={fullTime(at)}>
      {clockTime(at)} <span class="quiet">({ago(at)})</span>
    </time>
  );
}

export function Card(props: { title: string; id: string; aside?: ComponentChildren; class?: string; children: ComponentChildren }) {
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={`${props.id}-title`} id={props.id}>
      <header class="card-head">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

export interface Note {
  kind: 'done' | 'failed';
  text: string;
}

/** The state of a button's action: running or not, and its last outcome. */
export function useAction(): {
  busy: boolean;
  note: Note | null;
  run: (work: () => Promise<{ userErrors: UserError[] }>, done: string) => Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [note, setNote] = useState<Note | null>(null);
  const isThere = useRef(true);
  useEffect(() => () => void (isThere.current = false), []);
  const run = async (work: () => Promise<{ userErrors: UserError[] }>, done: string) => {
    setBusy(true);
    setNote(null);
    let next: Note;
    try {
      const { userErrors } = await work();
      next = userErrors.length
        ? { kind: 'failed', text: userErrors.map((error) => error.message).join(' ') }
        : { kind: 'done', text: done };
    } catch (error) {
      next = { kind: 'failed', text: (error as Error).message };
    }
    if (isThere.current) {
      setBusy(false);
      setNote(next);
    }
    return next.kind === 'done';
  };
  return { busy, note, run };
}

/** The outcome of an action. The element is always in the document, so that screen readers announce its changes. */
export function ActionNote({ note }: { note: Note | null }) {
  return (
    <p class="note" data-kind={note?.kind} role="status">
      {note?.text}
    </p>
  );
}

export function CopyId({ id }: { id: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <span class="id">
      <code>{id}</code>
      <button
        type="button"
        class="link"
        aria-label={`Copy the id ${id}`}
        onClick={() => void navigator.clipboard?.writeText(id).then(() => setCopied(true))}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}

export function Meter({ value, label }: { value: number; label: string }) {
  return (
    <span class="meter" role="img" aria-label={label}>
      <span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </span>
  );
}
