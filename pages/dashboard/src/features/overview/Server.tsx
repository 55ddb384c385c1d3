/** The workers, this server, and the health of its components, in short. The page of the queue has the details. */
import { href } from '../../data/address';
import { ago, count, duration, now, plural, tick } from '../../data/clock';
import { health, metrics } from '../../data/figures';
import type { Worker } from '../../data/operations';
import { useStore } from '../../data/store';
import { Panel } from '../../ui/Panel';
import { State } from '../../ui/State';
import { Blank, Loading } from '../../ui/states';
import { sentence } from '../../ui/words';

const load = (cpu: number, memory: number) => `CPU ${Math.round(cpu)} %, ${count(Math.round(memory))} MiB`;

function Row({ worker }: { worker: Worker }) {
  useStore(tick);
  const seconds = (now() - Date.parse(worker.startedAt)) / 1000;
  return (
    <li data-id={worker.id}>
      <p class="line">
        <span class="grow">{worker.instance}</span>
        {worker.alive ? (
          <span class="quiet">
            worker, {count(worker.busy)} of {plural(worker.slots, 'slot')}
          </span>
        ) : (
          <span class="refusal">worker, gone, seen {ago(worker.lastSeenAt)}</span>
        )}
      </p>
      <p class="small quiet">
        {load(worker.cpuPercent, worker.memoryMb)}, up {duration(Math.max(0, Math.floor(seconds)))}
      </p>
    </li>
  );
}

export function Workers() {
  const figures = useStore(metrics);
  const workers = figures?.workers;
  return (
    <Panel title="Workers" id="workers" aside={workers && <span class="quiet small">{count(workers.filter(({ alive }) => alive).length)} alive</span>}>
      {!figures && <Loading />}
      {workers?.length === 0 && <Blank>No worker: queued analyses do not start.</Blank>}
      {figures && (
        <ul class="lines">
          {workers?.map((worker) => <Row key={worker.id} worker={worker} />)}
          <li class="instance">
            <p class="line">
              <span class="grow" title="The server that answers: host and process id">
                {figures.instance}
              </span>
              <span class="quiet">this server, {plural(figures.subscriptions.connections, 'viewer')}</span>
            </p>
            <p class="small quiet">
              {load(figures.system.cpuPercent, figures.system.memoryMb)}, up {duration(Math.floor(figures.uptimeSeconds))}
            </p>
          </li>
        </ul>
      )}
    </Panel>
  );
}

export function HealthInShort() {
  const state = useStore(health);
  if (!state) {
    return (
      <Panel title="Health" id="health">
        <Loading />
      </Panel>
    );
  }
  const unwell = state.components.filter(({ status }) => status !== 'HEALTHY');
  const well = state.components.length - unwell.length;
  return (
    <Panel title="Health" id="health" aside={<State of={state.status} />}>
      <ul class="lines">
        {unwell.map(({ name, status, message }) => (
          <li key={name} data-status={status}>
            <span>
              <b>{sentence(name)}</b>: {message}
            </span>
          </li>
        ))}
        <li class="line">
          <span class="quiet grow">
            {unwell.length ? `${plural(well, 'other component')} ${well === 1 ? 'is' : 'are'} well` : `All ${count(well)} components are well`}
          </span>
          <a class="small" href={href('queue')}>
            Details
          </a>
        </li>
      </ul>
    </Panel>
  );
}
