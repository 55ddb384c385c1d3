/** The workers and the server's health. */
import { count, plural } from './clock';
import { health, metrics } from './model';
import type { Worker } from './operations';
import { useStore } from './store';
import { Ago, Card, sentence, Status, words } from './ui';

const SHOWN = 5;

function Row({ worker }: { worker: Worker }) {
  return (
    <tr data-id={worker.id}>
      <th scope="row">
        {worker.instance}
        <span class="quiet">
          started <Ago at={worker.startedAt} />
        </span>
      </th>
      <td>
        <span class="status" data-status={worker.alive ? 'COMPLETED' : 'FAILED'}>
          {worker.alive ? 'Alive' : 'Gone'}
        </span>
        {!worker.alive && (
          <span class="quiet">
            seen <Ago at={worker.lastSeenAt} />
          </span>
        )}
      </td>
      <td>
        {/* Analyses shorter than the heartbeat interval are counted as busy slots, but not listed. */}
        <span class="quiet busy">{worker.busy === 0 ? 'idle' : `${count(worker.busy)} of ${plural(worker.slots, 'slot')} busy`}</span>
        {worker.current.length > 0 && (
          <ul class="current">
            {worker.current.slice(0, SHOWN).map((each) => (
              <li key={each.id}>
                <a href={`#/analysis/${each.id}`}>{each.key ?? `…${each.id.slice(-8)}`}</a> <span class="quiet">{each.progress.step}</span>
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
    <Card title="Workers" id="workers" aside={workers && <span class="quiet">{count(workers.filter((each) => each.alive).length)} alive</span>}>
      {!workers && <p class="empty">Waiting for the server…</p>}
      {workers?.length === 0 && <p class="empty">No worker: queued analyses do not start.</p>}
      {workers && workers.length > 0 && (
        <div class="scroll" role="region" aria-labelledby="workers-title" tabIndex={0}>
          <table class="workers">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col">Current work</th>
                <th scope="col" class="number">
                  Completed
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
                <th scope="col" class="number">
                  CPU
                </th>
                <th scope="col" class="number">
                  Memory
                </th>
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
    </Card>
  );
}

export function HealthCard() {
  const state = useStore(health);
  return (
    <Card title="Health" id="health" aside={state && <Status of={state.status} />}>
      {!state && <p class="empty">Waiting for the server…</p>}
      {state && state.recommendations.length > 0 && (
        <ul class="recommendations">
          {state.recommendations.map((each, index) => (
            <li key={index}>{each}</li>
          ))}
        </ul>
      )}
      {state && (
        <dl class="components">
          {state.components.map((each) => (
            <div key={each.name} data-status={each.status}>
              <dt>
                <i data-status={each.status} aria-hidden="true" />
                {words(each.name)}
              </dt>
              <dd class="quiet">
                {each.status !== 'HEALTHY' && <strong>{sentence(each.status)}. </strong>}
                {each.message}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Card>
  );
}
