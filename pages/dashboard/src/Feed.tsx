/**
 * The live event log, newest first. Only visible rows are in the document, and events between two animation frames are
 * drawn together.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { clockTime, count, fullTime, plural } from './clock';
import { log } from './log';
import type { LogEvent } from './operations';
import { Store, useStore } from './store';
import { Card, sentence } from './ui';

const ROW = 32;
const SPARE = 6;
const KEPT = 20_000;

export const TYPES = [
  'ANALYSIS_QUEUED',
  'ANALYSIS_STARTED',
  'ANALYSIS_PROGRESS',
  'ANALYSIS_RETRYING',
  'ANALYSIS_COMPLETED',
  'ANALYSIS_FAILED',
  'ANALYSIS_CANCELED',
  'ANALYSIS_TIMED_OUT',
  'BATCH_STARTED',
  'BATCH_PROGRESS',
  'BATCH_COMPLETED',
  'BATCH_CANCELED',
  'BATCH_TIMED_OUT',
] as const;

/** The shown part of the log: the events that pass the filter, up to the pause. */
class View {
  off = new Set<string>();
  paused = false;
  /** Oldest first. */
  rows: LogEvent[] = [];
  waiting: LogEvent[] = [];
  private read = 0;
  /** The number of events read at the time of the pause. */
  private held = 0;
  private generation = 0;

  /** Takes the events since the last call. Returns the number of new rows. */
  catchUp(): number {
    const { events, total, generation } = log.value;
    if (generation !== this.generation) {
      this.generation = generation;
      this.rows = [];
      this.waiting = [];
      this.read = this.held = 0;
    }
    const fresh = events.slice(Math.max(0, events.length - (total - this.read))).filter((event) => !this.off.has(event.type));
    this.read = total;
    const into = this.paused ? this.waiting : this.rows;
    for (const event of fresh) into.push(event);
    if (into.length > KEPT + 2_000) into.splice(0, into.length - KEPT);
    return this.paused ? 0 : fresh.length;
  }

  filter(type: string, isOn: boolean): void {
    if (isOn) this.off.delete(type);
    else this.off.add(type);
    const { events, total } = log.value;
    const from = this.paused ? Math.max(0, events.length - (total - this.held)) : events.length;
    const passes = (event: LogEvent) => !this.off.has(event.type);
    this.rows = events.slice(0, from).filter(passes);
    this.waiting = events.slice(from).filter(passes);
    this.read = total;
  }

  pause(): void {
    this.paused = true;
    this.held = this.read;
  }

  resume(): number {
    const { waiting } = this;
    this.paused = false;
    this.waiting = [];
    for (const event of waiting) this.rows.push(event);
    if (this.rows.length > KEPT + 2_000) this.rows.splice(0, this.rows.length - KEPT);
    return waiting.length;
  }
}

const view = new View();
const changed = new Store(0);
const draw = () => changed.set(changed.value + 1);

function detail(event: LogEvent): string {
  if (event.error) return event.error.message;
  if (event.totalItems !== undefined) {
    return `${count(event.processed ?? 0)} of ${count(event.totalItems)} processed${event.failed ? `, ${count(event.failed)} failed` : ''}`;
  }
  if (event.type === 'ANALYSIS_PROGRESS' && event.progress) {
    return `${Math.round(event.progress.fraction * 100)} % ${event.progress.step ?? ''}`;
  }
  return '';
}

const tone = (type: string) => type.slice(type.indexOf('_') + 1);

function Row({ event, index, of }: { event: LogEvent; index: number; of: number }) {
  const kind = event.subjectId.slice(0, event.subjectId.indexOf('_'));
  return (
    <li
      class="event"
      style={{ transform: `translateY(${index * ROW}px)` }}
      aria-posinset={index + 1}
      aria-setsize={of}
      data-resumed={log.value.resumed.has(event) ? '' : undefined}
    >
      <time dateTime={event.occurredAt} title={fullTime(event.occurredAt)}>
        {clockTime(event.occurredAt)}
      </time>
      <span class="status" data-status={tone(event.type)}>
        {sentence(event.type)}
      </span>
      <a href={`#/${kind}/${event.subjectId}`} title={event.subjectId}>
        …{event.subjectId.slice(-8)}
      </a>
      <span class="event-detail" dir="auto">
        {detail(event)}
      </span>
    </li>
  );
}

function save(): void {
  const lines = log.value.events.map((event) => JSON.stringify(event)).join('\n');
  const url = URL.createObjectURL(new Blob([`${lines}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'assay-events.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Filter() {
  const shown = TYPES.length - view.off.size;
  const toggle = (type: string, isOn: boolean) => {
    view.filter(type, isOn);
    draw();
  };
  const all = (isOn: boolean) => {
    for (const type of TYPES) view.filter(type, isOn);
    draw();
  };
  return (
    <details class="filter">
      <summary>{view.off.size ? `${shown} of ${TYPES.length} types` : 'All types'}</summary>
      <fieldset>
        <legend class="hidden">Types of events to show</legend>
        <p>
          <button type="button" class="link" onClick={() => all(true)}>
            All
          </button>{' '}
          <button type="button" class="link" onClick={() => all(false)}>
            None
          </button>
        </p>
        {TYPES.map((type) => (
          <label key={type}>
            <input type="checkbox" checked={!view.off.has(type)} onChange={(event) => toggle(type, event.currentTarget.checked)} />
            {sentence(type)}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

export function Feed() {
  const { total, events } = useStore(log);
  useStore(changed);
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState({ top: 0, height: 480 });
  const fresh = view.catchUp();
  const pending = useRef(0);
  pending.current += fresh;

  // New rows are added above: after scrolling down, the visible rows keep their place.
  useLayoutEffect(() => {
    const added = pending.current;
    pending.current = 0;
    if (added && box.current && box.current.scrollTop > 0) box.current.scrollTop += added * ROW;
  });
  useEffect(() => {
    const element = box.current!;
    const sized = new ResizeObserver(() => setAt({ top: element.scrollTop, height: element.clientHeight }));
    sized.observe(element);
    return () => sized.disconnect();
  }, []);

  const { rows } = view;
  const first = Math.max(0, Math.floor(at.top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((at.top + at.height) / ROW) + SPARE);
  const seen = [];
  for (let index = first; index < last; index++) {
    const event = rows[rows.length - 1 - index]!;
    seen.push(<Row key={event.cursor} event={event} index={index} of={rows.length} />);
  }
  const waiting = view.waiting.length;
  return (
    <Card
      title="Events"
      id="feed"
      aside={
        <span class="quiet" data-total={total} data-kept={events.length} data-shown={rows.length}>
          {plural(total, 'event')}
        </span>
      }
    >
      <div class="feed-tools">
        <Filter />
        <button
          type="button"
          aria-pressed={view.paused}
          onClick={() => {
            if (view.paused) pending.current += view.resume();
            else view.pause();
            draw();
          }}
        >
          {view.paused ? `Resume${waiting ? ` (${count(waiting)} new)` : ''}` : 'Pause'}
        </button>
        <button type="button" class="link" onClick={save} disabled={!events.length}>
          Save as JSON lines
        </button>
      </div>
      <div class="feed" ref={box} tabIndex={0} role="region" aria-label="Events, newest first" onScroll={(event) => setAt({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}>
        {rows.length === 0 && <p class="empty">{total ? 'No received event has these types.' : 'No events yet.'}</p>}
        <ol style={{ height: `${rows.length * ROW}px` }}>{seen}</ol>
      </div>
    </Card>
  );
}
