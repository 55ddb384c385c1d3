/** The server's current figures, and their plots over the last five minutes. */
import { count, duration, milliseconds, rate } from './clock';
import { metrics, points } from './model';
import type { Latency } from './operations';
import { Plot, type Line } from './Plot';
import { useStore } from './store';
import { Card } from './ui';

function Tile({ name, value, note, kind }: { name: string; value: string; note: string | undefined; kind?: string }) {
  return (
    <div class="tile" data-tile={name} data-kind={kind}>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        {note && <span class="quiet">{note}</span>}
      </dd>
    </div>
  );
}

export function Tiles() {
  const figures = useStore(metrics);
  const most = Math.max(0, ...points.value.map((point) => point.perSecond || 0));
  const { queue, batches } = figures ?? {};
  const oldest = queue?.oldestSeconds;
  return (
    <section aria-label="Now">
      <dl class="tiles">
        <Tile name="Queued" value={queue ? count(queue.depth) : '–'} note={oldest != null ? `oldest: ${duration(oldest)}` : queue && 'queue is empty'} />
        <Tile name="Running" value={queue ? count(queue.running) : '–'} note={batches && `${count(batches.running)} ${batches.running === 1 ? 'batch' : 'batches'}`} />
        <Tile name="Items per second" value={batches ? rate(batches.itemsPerSecond) : '–'} note={batches && `mean of 10 s; highest: ${rate(most)}`} />
        <Tile
          name="Failed"
          value={batches ? count(batches.itemsFailed) : '–'}
          kind={batches?.itemsFailed ? 'bad' : ''}
          note={batches && `of ${count(batches.itemsProcessed + batches.itemsFailed)} batch items`}
        />
      </dl>
    </section>
  );
}

const THROUGHPUT: Line<'perSecond'>[] = [{ key: 'perSecond', name: 'items per second', color: '--line-1', fill: true }];
const QUEUE: Line<'queued' | 'running'>[] = [
  { key: 'queued', name: 'queued', color: '--line-2', fill: true },
  { key: 'running', name: 'running', color: '--line-1' },
];
const LATENCY: Line<'p50' | 'p95' | 'p99'>[] = [
  { key: 'p50', name: 'p50', color: '--line-1' },
  { key: 'p95', name: 'p95', color: '--line-3' },
  { key: 'p99', name: 'p99', color: '--line-2' },
];

export function Plots() {
  return (
    <Card title="Over the last five minutes" id="plots" aside={<span class="quiet">or since this page was opened</span>}>
      <div class="plots">
        <Plot title="Throughput" lines={THROUGHPUT} format={(value) => `${rate(value)}/s`} />
        <Plot title="Queue" lines={QUEUE} format={count} />
        <Plot title="Latency of requests" lines={LATENCY} format={milliseconds} />
      </div>
      <Latencies />
    </Card>
  );
}

function Latencies() {
  const figures = useStore(metrics);
  if (!figures) return null;
  const { waiting, processing, total } = figures.queue.latency;
  const rows: [string, Latency][] = [
    ['Requests', figures.http.latency],
    ['Analyses: queued', waiting],
    ['Analyses: processing', processing],
    ['Analyses: total', total],
    ['Batches', figures.batches.latency],
  ];
  return (
    <table class="latencies">
      <thead>
        <tr>
          <th scope="col">Latency, last 5 min</th>
          <th scope="col" class="number">
            p50
          </th>
          <th scope="col" class="number">
            p95
          </th>
          <th scope="col" class="number">
            p99
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, latency]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{milliseconds(latency.p50Ms)}</td>
            <td class="number">{milliseconds(latency.p95Ms)}</td>
            <td class="number">{milliseconds(latency.p99Ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
