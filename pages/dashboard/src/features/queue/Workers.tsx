/** The workers, and the analyses in their slots. */
import { hrefOf } from '../../data/address';
import { count, plural } from '../../data/clock';
import { metrics } from '../../data/figures';
import type { Worker } from '../../data/operations';
import { useStore } from '../../data/store';
import { Panel } from '../../ui/Panel';
import { Blank, Loading } from '../../ui/states';
import { When } from '../../ui/When';

const SHOWN = 5;
const HEADINGS = ['Completed', 'Failed', 'CPU', 'Memory'];

function Row({ worker }: { worker: Worker }) {
  return (
    <tr data-id={worker.id}>
      <th scope="row">
        <bdi>{worker.instance}</bdi>
        <span class="quiet small">
          started <When at={worker.startedAt} />
        </span>
      </th>
      <td>
        <span class="state" data-status={worker.alive ? 'COMPLETED' : 'FAILED'}>
          {worker.alive ? 'Alive' : 'Gone'}
        </span>
        {!worker.alive && (
          <span class="quiet small">
            seen <When at={worker.lastSeenAt} />
          </span>
        )}
      </td>
      <td>
        {/* Analyses shorter than the heartbeat interval are counted as busy slots, but not listed. */}
        <span class="quiet busy">{worker.busy === 0 ? `idle, ${plural(worker.slots, 'slot')}` : `${count(worker.busy)} of ${plural(worker.slots, 'slot')} busy`}</span>
        {worker.current.length > 0 && (
          <ul class="current">
            {worker.current.slice(0, SHOWN).map(({ id, key, progress }) => (
              <li key={id}>
                <a href={hrefOf(id)}>
                  <bdi>{key ?? `…${id.slice(-8)}`}</bdi>
                </a>{' '}
                <bdi class="quiet">{progress.step}</bdi>
              </li>
            ))}
            {worker.current.length > SHOWN && <li class="quiet">and {count(worker.current.length - SHOWN)} more</li>}
          </ul>
        )}
      </td>
      <td class="number">{count(worker.completed)}</td>
      <td class="number">{count(worker.failed)}</td>
      <td class="number">{Math.round(worker.cpuPercent)} %</td>
      <td class="number">{count(Math.round(worker.memoryMb))} MiB</td>
    </tr>
  );
}

export function Workers() {
  const workers = useStore(metrics)?.workers;
  return (
    <Panel title="Workers" id="workers" aside={workers && <span class="quiet small">{count(workers.filter(({ alive }) => alive).length)} alive</span>}>
      {!workers && <Loading />}
      {workers?.length === 0 && <Blank>No worker: queued analyses do not start.</Blank>}
      {workers && workers.length > 0 && (
        <div class="scroll" role="region" aria-labelledby="workers-title" tabIndex={0}>
          <table class="figures workers">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col" class="wide">
                  Current work
                </th>
                {HEADINGS.map((name) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <Row key={worker.id} worker={worker} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
