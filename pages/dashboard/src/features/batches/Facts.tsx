/** The facts of a batch that do not change each second. */
import { duration } from '../../data/clock';
import type { BatchDetailFragment } from '../../data/gql/graphql';
import { Moment } from '../../ui/When';
import { isOver } from './words';

export function Facts({ batch }: { batch: BatchDetailFragment }) {
  return (
    <dl class="card facts">
      <dt>Accepted</dt>
      <dd>
        <Moment at={batch.createdAt} />
      </dd>
      <dt>Started</dt>
      <dd>
        <Moment at={batch.startedAt} none={isOver(batch) ? 'never' : 'not yet'} />
      </dd>
      <dt>Ended</dt>
      <dd>
        <Moment at={isOver(batch) ? batch.finishedAt : null} />
      </dd>
      {batch.lastRetriedAt && (
        <>
          <dt>Retried</dt>
          <dd>
            <Moment at={batch.lastRetriedAt} />
          </dd>
        </>
      )}
      <dt>Timeout</dt>
      <dd>
        {duration(batch.timeoutSeconds)} after acceptance{batch.lastRetriedAt && ', or after a retry of the ended batch'}
      </dd>
      {batch.stopReason && (
        <>
          <dt>Stopped</dt>
          <dd>
            <bdi>{batch.stopReason}</bdi>
          </dd>
        </>
      )}
    </dl>
  );
}
