/** The shown rows of the log: the chosen events, up to a pause. */
import type { Log } from '../../data/log';
import type { LogEvent } from '../../data/operations';
import { isProblem } from './part';

const KEPT = 20_000;
const TRIM = 2_000;

export class View {
  paused = false;
  /** Oldest first. */
  rows: LogEvent[] = [];
  waiting: LogEvent[] = [];
  /** The number of problems among all events read, of any type. */
  problems = 0;
  private read = 0;
  /** The number of events read at the time of the pause. */
  private held = 0;
  private generation = -1;

  constructor(private isShown: (event: LogEvent) => boolean) {}

  /** Takes the events since the last call. Returns the number of new rows. */
  catchUp({ events, total, generation }: Log): number {
    if (generation !== this.generation) {
      this.generation = generation;
      this.rows = [];
      this.waiting = [];
      this.read = this.held = this.problems = 0;
    }
    const news = events.slice(Math.max(0, events.length - (total - this.read)));
    this.read = total;
    const into = this.paused ? this.waiting : this.rows;
    const before = into.length;
    for (const event of news) {
      if (isProblem(event)) this.problems++;
      if (this.isShown(event)) into.push(event);
    }
    const added = into.length - before;
    if (into.length > KEPT + TRIM) into.splice(0, into.length - KEPT);
    return this.paused ? 0 : added;
  }

  /** Shows other events, also of those before. A pause stays where it began. */
  show(isShown: (event: LogEvent) => boolean, { events, total }: Log): void {
    this.isShown = isShown;
    const from = this.paused ? Math.max(0, events.length - (total - this.held)) : events.length;
    this.rows = events.slice(0, from).filter(isShown);
    this.waiting = events.slice(from).filter(isShown);
  }

  pause(): void {
    this.paused = true;
    this.held = this.read;
  }

  /** Returns the number of new rows. */
  resume(): number {
    const { waiting } = this;
    this.paused = false;
    this.waiting = [];
    for (const event of waiting) this.rows.push(event);
    if (this.rows.length > KEPT + TRIM) this.rows.splice(0, this.rows.length - KEPT);
    return waiting.length;
  }
}
