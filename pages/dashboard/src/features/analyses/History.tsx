/** The attempts of one analysis, and its events, oldest first. */
import { clockTime, milliseconds } from '../../data/clock';
import { State } from '../../ui/State';
import { sentence } from '../../ui/words';
import type { Detail } from './Analysis';

type Event = Detail['events']['nodes'][number];

function words(event: Event): string | null {
  if (event.__typename !== 'AnalysisEvent') return null;
  return event.error?.message ?? event.progress.step;
}

function Attempts({ attempts }: { attempts: Detail['attempts'] }) {
  return (
    <div class="card attempts small-table" role="region" aria-label="Attempts" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">Began</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col">Outcome</th>
            <th scope="col">Worker</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map(({ number, run, startedAt, finishedAt, worker, error }) => (
            <tr key={number}>
              <td>
                {number} {run > 1 && <span class="quiet">run {run}</span>}
              </td>
              <td>
                <time dateTime={startedAt} title={startedAt}>
                  {clockTime(startedAt)}
                </time>
              </td>
              <td class="number">{finishedAt && milliseconds(Date.parse(finishedAt) - Date.parse(startedAt))}</td>
              <td dir="auto">
                {error ? (
                  <>
                    <span class="refusal">{sentence(error.code)}</span> {error.message}
                  </>
                ) : finishedAt ? (
                  'Completed'
                ) : (
                  'Running'
                )}
              </td>
              <td>{worker && <code title={worker}>…{worker.slice(-8)}</code>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function History({ analysis }: { analysis: Detail }) {
  const { attempts, events } = analysis;
  return (
    <>
      {attempts.length > 0 && <Attempts attempts={attempts} />}
      <h2>
        Events {events.pageInfo.hasNextPage && <span class="quiet">the first 200</span>}
      </h2>
      <ol class="history">
        {events.nodes.map((event) => (
          <li key={event.cursor}>
            <time dateTime={event.occurredAt} title={event.occurredAt}>
              {clockTime(event.occurredAt)}
            </time>
            <State of={event.type.replace('ANALYSIS_', '')} />
            <span class="quiet" dir="auto">
              {words(event)}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
