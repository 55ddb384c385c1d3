/** The queue by priority, and the times of analyses, requests and batches of the last five minutes. */
import type { ComponentChildren } from 'preact';
import { count, duration, milliseconds } from '../../data/clock';
import { metrics } from '../../data/figures';
import type { Latency } from '../../data/operations';
import { useStore } from '../../data/store';
import { Meter } from '../../ui/Meter';
import { Panel } from '../../ui/Panel';
import { Blank, Loading } from '../../ui/states';

/** On the narrowest phones, long times need more than the width. */
function Scroll({ of, children }: { of: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-labelledby={`${of}-title`} tabIndex={0}>
      {children}
    </div>
  );
}

export function Depths() {
  const depths = useStore(metrics)?.queue.byPriority;
  const largest = Math.max(1, ...(depths ?? []).map(({ depth }) => depth));
  return (
    <Panel title="By priority" id="priorities">
      {!depths && <Loading />}
      {depths?.length === 0 && <Blank>The queue is empty.</Blank>}
      {depths && depths.length > 0 && (
        <Scroll of="priorities">
          <table class="figures depths">
          <thead>
            <tr>
              <th scope="col">Priority</th>
              <th scope="col" class="wide">
                <span class="hidden">Share of the largest</span>
              </th>
              <th scope="col" class="number">
                Queued
              </th>
              <th scope="col" class="number">
                Oldest
              </th>
            </tr>
          </thead>
          <tbody>
            {depths.map(({ priority, depth, oldestSeconds }) => (
              <tr key={priority}>
                <th scope="row">{priority}</th>
                <td>
                  <Meter value={depth / largest} label={`${count(depth)}; the largest has ${count(largest)}`} />
                </td>
                <td class="number">{count(depth)}</td>
                <td class="number">{oldestSeconds === null ? 'none ready' : duration(oldestSeconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        </Scroll>
      )}
    </Panel>
  );
}

export function Latencies() {
  const figures = useStore(metrics);
  const { waiting, processing, total } = figures?.queue.latency ?? {};
  const rows: [string, Latency | undefined][] = [
    ['Requests', figures?.http.latency],
    ['Analyses: queued', waiting],
    ['Analyses: processing', processing],
    ['Analyses: total', total],
    ['Batches', figures?.batches.latency],
  ];
  return (
    <Panel title="Times of the last five minutes" id="latencies">
      <Scroll of="latencies">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Of</span>
            </th>
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
              <td class="number">{milliseconds(latency?.p50Ms ?? null)}</td>
              <td class="number">{milliseconds(latency?.p95Ms ?? null)}</td>
              <td class="number">{milliseconds(latency?.p99Ms ?? null)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      </Scroll>
    </Panel>
  );
}
