/** The server at a glance: figures, outcomes of a range, errors, batches, workers, health. */
import { now } from '../../data/clock';
import { OverviewFailedDocument, OverviewHistoryDocument } from '../../data/gql/graphql';
import { rangeStart, useQueryState } from '../../data/lists';
import { columns, rangeOf, sum } from '../../data/range';
import { useRenewed } from '../../data/renewed';
import { PageHead } from '../../ui/PageHead';
import { RangeTabs } from '../../ui/RangeTabs';
import { useShortcuts } from '../../ui/shortcuts';
import { Fault } from '../../ui/states';
import { Attention } from './Attention';
import { Batches } from './Batches';
import { Done } from './Done';
import { KEYS } from './keys';
import './overview.css';
import { HealthInShort, Workers } from './Server';
import { Tiles } from './Tiles';

export default function Overview() {
  useShortcuts(KEYS);
  const query = useQueryState();
  const range = rangeOf(query);
  const { data, error, again } = useRenewed(`history ${range.name}`, OverviewHistoryDocument, () => ({ range: range.of }), range.renewal);
  // The ends of the history have each run, and also deleted analyses: the tile has the number of the list to which it leads.
  const failures = useRenewed(`failed ${range.name}`, OverviewFailedDocument, () => ({ after: rangeStart(range.seconds, now()) }), range.renewal);
  const points = data?.history.points ?? [];
  const stepSeconds = data?.history.stepSeconds ?? 1;
  const shown = { range, columns: columns(points, stepSeconds, range.steps), stepSeconds };
  const failedEnds = sum(points.flatMap((point) => [point.failed, point.timedOut]));
  return (
    <>
      <PageHead title="Overview">
        <RangeTabs path="" query={query} />
      </PageHead>
      <Tiles {...shown} failed={failures.data?.analyses.totalCount} />
      {error && <Fault message={`The history could not be read. ${error}`} again={again} />}
      <div class="two">
        <div class="stack">
          {data && <Done {...shown} />}
          <Batches />
        </div>
        <div class="stack">
          <Attention range={range} failed={failedEnds} />
          <Workers />
          <HealthInShort />
        </div>
      </div>
    </>
  );
}
