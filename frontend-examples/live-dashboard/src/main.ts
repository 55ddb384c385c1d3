import './style.css'; // before the plot, which reads its colors
import './page.css';
import { ask, watch } from './api';
import { BatchesDocument, CancelBatchDocument, EventsDocument, EventsEndDocument, FiguresDocument, SubmitBatchDocument } from './gql/graphql';
import type { BatchesQuery, EventsSubscription, FiguresSubscription } from './gql/graphql';
import { restarted, changed, getStatus, onChange, onStatus, pause, soon } from './live';
import * as plot from './plot';

type Batch = BatchesQuery['batches']['nodes'][number];
type Event = EventsSubscription['events'];

const find = <T extends HTMLElement>(selector: string, within: ParentNode = document) => within.querySelector<T>(selector)!;
const copy = (template: string) => find<HTMLTemplateElement>(template).content.firstElementChild!.cloneNode(true) as HTMLElement;
const number = (value: number, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits });

function tellProblem(message: string | undefined): void {
  find('#problem').hidden = !message;
  find('#problem').textContent = message ?? '';
}

/* Figures: the first message after a lost connection has the current values, so there is nothing to resume. */

let lastTime: number | undefined;

function showFigures({ metrics }: FiguresSubscription): void {
  const { queue, workers, system } = metrics;
  const { p50Ms } = queue.latency.total;
  const figures = {
    waiting: number(queue.depth),
    running: number(workers.reduce((sum, { busy }) => sum + busy, 0)),
    rate: number(queue.throughput.lastTenSeconds, 1),
    latency: p50Ms === null ? '–' : p50Ms < 1000 ? `${number(p50Ms)} ms` : `${number(p50Ms / 1000, 1)} s`,
    cpu: `${number(system.cpuPercent)} %`,
    memory: `${number(system.memoryMb)} MB`,
  };
  for (const [name, text] of Object.entries(figures)) find(`[data-figure=${name}]`).textContent = text;
  lastTime = Date.parse(metrics.timestamp) / 1000;
  plot.add(lastTime, queue.throughput.lastTenSeconds, queue.depth);
}

function watchFigures(): void {
  watch(FiguresDocument, {}, showFigures, ({ message }) => {
    tellProblem(message);
    void pause(1000).then(watchFigures);
  });
}

function leaveHole(): void {
  if (lastTime !== undefined) plot.add(lastTime + 0.1, null, null);
}

/* Batches: the shown ones are refetched after each event. */

const PAGE = 5;
let wanted = PAGE;
const rows = new Map<string, HTMLElement>();

async function readBatches(): Promise<void> {
  const { nodes, totalCount } = (await ask(BatchesDocument, { first: Math.min(wanted, 1000) })).batches;
  find('#batches small').textContent = number(totalCount);
  find('#more').hidden = nodes.length >= totalCount;
  const list = find('#batches ul');
  const shown = nodes.map(showBatch);
  // Only if a row was added, removed or moved: moving a button takes its focus away.
  if (shown.some((row, n) => list.children[n] !== row) || list.children.length !== shown.length) list.replaceChildren(...shown);
}

function showBatch(batch: Batch): HTMLElement {
  const { id, name, status, totalItems, itemsPerSecond, progress } = batch;
  const row = rows.get(id) ?? copy('#batch');
  if (!rows.has(id)) {
    rows.set(id, row);
    row.dataset['id'] = id;
    find('h3', row).textContent = name ?? `A batch of ${number(totalItems)}`;
    find('button', row).onclick = () => void cancel(id);
  }
  const isOver = status !== 'QUEUED' && status !== 'RUNNING';
  row.dataset['status'] = find('.badge', row).dataset['status'] = status;
  find<HTMLProgressElement>('progress', row).value = progress.fraction;
  find('button', row).hidden = isOver;
  for (const [word, count] of Object.entries({ completed: batch.processed, failed: batch.failed, canceled: batch.canceled, 'timed out': batch.timedOut })) {
    const place = find(`[data-count="${word}"]`, row);
    place.textContent = `${number(count)} ${word}`;
    place.hidden = count === 0;
  }
  const pace = [`of ${number(totalItems)}`];
  if (!isOver && itemsPerSecond !== null) pace.push(`${number(itemsPerSecond)} per second`);
  if (!isOver && progress.etaSeconds !== null) pace.push(`${number(Math.ceil(progress.etaSeconds))} s left`);
  find('.pace', row).textContent = pace.join(', ');
  return row;
}

/** Whether the shown problem is an unreachable server: then it disappears when the server is back. */
let isAway = false;

/** Runs a job and shows its error, if any. */
async function attempt(job: () => Promise<{ message: string }[]>): Promise<void> {
  isAway = false;
  const wrong = await job().catch((error: Error) => {
    isAway = true;
    return [error];
  });
  tellProblem(wrong[0]?.message);
  changed();
}

const cancel = (id: string) => attempt(async () => (await ask(CancelBatchDocument, { id })).cancelBatch.userErrors);

const TEXTS = ['The manual is thin, but the support line answered within a minute.', 'Battery life is a joke.', 'It arrived on Tuesday, in a brown box.'];
const submit = () =>
  attempt(async () => {
    const items = Array.from({ length: 300 }, (_, n) => ({ request: { text: { text: TEXTS[n % 3]!.repeat(20) } } }));
    return (await ask(SubmitBatchDocument, { name: `Sent at ${new Date().toLocaleTimeString('en-GB')}`, items })).batchProcess.userErrors;
  });

/* Events: each once and in order, also across lost connections; drawn once per frame. */

const SHOWN = 8;
let newest: Event[] = [];

function takeEvent({ events }: EventsSubscription): void {
  if (newest.length === 0) requestAnimationFrame(drawEvents);
  newest = [events, ...newest].slice(0, SHOWN);
}

function drawEvents(): void {
  const list = find('#events ul');
  const lines = newest.map(({ cursor, type, occurredAt, subjectId }) => {
    const line = copy('#event');
    line.dataset['cursor'] = cursor;
    find<HTMLTimeElement>('time', line).dateTime = occurredAt;
    find('time', line).textContent = new Date(occurredAt).toLocaleTimeString('en-GB');
    find('span', line).textContent = type.toLowerCase().replaceAll('_', ' ');
    find('code', line).textContent = subjectId;
    return line;
  });
  list.replaceChildren(...[...lines, ...list.children].slice(0, SHOWN));
  newest = [];
}

/** Follows all events. The start cursor is read before the batches, so that no change is missed between the two. */
async function follow(): Promise<void> {
  let after: string | undefined;
  while (after === undefined) {
    after = (await ask(EventsEndDocument, {}).catch(() => undefined))?.eventsEnd;
    if (after === undefined) await pause(1000); // the server is unreachable
  }
  changed();
  watch(EventsDocument, { after }, takeEvent, (reason) => {
    // The page was disconnected for longer than events are kept, or the server has another database: the events can't resume.
    restarted();
    tellProblem(`The event stream restarted: ${reason.message}`);
    void pause(1000).then(follow);
  });
}

onStatus(() => {
  const { state, events, resumed } = getStatus();
  const pill = find('.pill');
  if (pill.dataset['state'] !== state) {
    if (state === 'reconnecting') leaveHole();
    if (state === 'live' && isAway) tellProblem(undefined);
    pill.dataset['state'] = pill.textContent = state;
  }
  find('#events').dataset['count'] = String(events);
  find('#events small').textContent = number(events);
  find('#resumed').hidden = !resumed;
  if (!resumed) return;
  find('#resumed').dataset['behind'] = find('#resumed code').textContent = resumed.behind;
  find('#resumed span').textContent = number(resumed.events);
});
onChange(soon(readBatches));
find('#submit').onclick = () => void submit();
find('#more').onclick = () => {
  wanted += PAGE;
  changed();
};
watchFigures();
void follow();
