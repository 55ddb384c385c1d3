/** The health of each component with advice, and the contents of the database and the data folder. */
import { bytes, count, milliseconds } from '../../data/clock';
import { health, metrics, storage } from '../../data/figures';
import { useStore } from '../../data/store';
import { Panel } from '../../ui/Panel';
import { State } from '../../ui/State';
import { Loading } from '../../ui/states';
import { sentence } from '../../ui/words';

export function HealthDetails() {
  const state = useStore(health);
  if (!state) {
    return (
      <Panel title="Health" id="health">
        <Loading />
      </Panel>
    );
  }
  return (
    <Panel title="Health" id="health" aside={<State of={state.status} />}>
      {state.recommendations.length > 0 && (
        <ul class="recommendations" aria-label="Advice">
          {state.recommendations.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
      <ul class="lines components">
        {state.components.map(({ name, status, message, latencyMs }) => (
          <li key={name} data-status={status}>
            <b>{sentence(name)}</b>
            <span class="small quiet">{message}</span>
            <span>
              {latencyMs !== null && status === 'HEALTHY' && <span class="quiet small">{milliseconds(latencyMs)}</span>}
              {status !== 'HEALTHY' && <State of={status} />}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function Storage() {
  const state = useStore(storage);
  const system = useStore(metrics)?.system;
  const facts: [string, string | undefined][] = [
    ['Database', state && bytes(state.databaseBytes)],
    ['Analyses', state && count(state.analyses)],
    ['Events', state && count(state.events)],
    ['Files', state && (state.files ? `${count(state.files)}, ${bytes(state.fileBytes)}` : 'none')],
    ['Disk', system && `${Math.round(system.diskPercent)} % full`],
    ['Memory', system && `${Math.round(system.memoryPercent)} % in use`],
  ].map(([name, value]) => [name as string, value ?? undefined]);
  return (
    <Panel title="Storage" id="storage">
      {state ? (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <Loading />
      )}
    </Panel>
  );
}
