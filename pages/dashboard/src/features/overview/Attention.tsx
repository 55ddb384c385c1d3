/** The errors of the range by similarity, the most frequent first. Each leads to its analyses. */
import { useEffect } from 'preact/hooks';
import { href, hrefOf } from '../../data/address';
import { count, now } from '../../data/clock';
import { metrics } from '../../data/figures';
import { AttentionDocument, type AttentionQuery } from '../../data/gql/graphql';
import { rangeStart } from '../../data/lists';
import type { Range } from '../../data/range';
import { useRenewed } from '../../data/renewed';
import { useStore } from '../../data/store';
import { Icon } from '../../ui/Icon';
import { Panel } from '../../ui/Panel';
import { Blank, Fault, Loading } from '../../ui/states';
import { When } from '../../ui/When';
import { words } from '../../ui/words';

type Group = AttentionQuery['errorGroups'][number];

const RENEWAL = 15;
/** One less than are read: another one means that there are more. */
const SHOWN = 5;

/** The server counts to 10,000. */
const countOf = (items: number) => (items === 1 ? '1 analysis' : `${count(items)}${items < 10_000 ? '' : ' or more'} analyses`);

function Row({ group, range }: { group: Group; range: Range }) {
  const isLate = group.code === 'TIMED_OUT';
  const analyzers = [...new Set(group.examples.map(({ analyzer }) => analyzer.name))].join(', ');
  const batch = group.examples[0]?.batch;
  return (
    <li data-error={group.fingerprint} data-status={isLate ? 'TIMED_OUT' : 'FAILED'}>
      <div class="line">
        <Icon name={isLate ? 'clock' : 'cross'} />
        <a class="name grow" href={href('analyses', { error: group.fingerprint, ended: range.name, status: isLate ? 'TIMED_OUT' : 'FAILED' })} title={group.message}>
          {group.message}
        </a>
      </div>
      <p class="small quiet">
        {countOf(group.count)} of {analyzers}, {words(group.code)}, last <When at={group.lastAt} />
        {batch && (
          <>
            {' in '}
            <a href={hrefOf(batch.id)}>
              <bdi>{batch.name ?? `…${batch.id.slice(-8)}`}</bdi>
            </a>
          </>
        )}
      </p>
    </li>
  );
}

/** `failed`: the number of errors in the range. A change of it is a reason to read the groups again. */
export function Attention({ range, failed }: { range: Range; failed: number | null }) {
  const inBatches = useStore(metrics)?.batches.itemsFailed;
  const { data, error, again } = useRenewed(`attention ${range.name}`, AttentionDocument, () => ({ after: rangeStart(range.seconds, now()) }), RENEWAL);
  useEffect(again, [failed, inBatches]);
  const groups = data?.errorGroups;
  return (
    <Panel title="Needs attention" id="attention">
      {error && <Fault message={`The errors could not be read. ${error}`} again={again} />}
      {!groups && !error && <Loading />}
      {groups?.length === 0 && <Blank>Nothing failed in the last {range.words}.</Blank>}
      {groups && groups.length > 0 && (
        <ul class="lines">
          {groups.slice(0, SHOWN).map((group) => (
            <Row key={group.fingerprint} group={group} range={range} />
          ))}
          {groups.length > SHOWN && (
            <li class="line small">
              <span class="quiet grow">There are more kinds of errors.</span>
              <a href={href('analyses', { ended: range.name, status: 'FAILED,TIMED_OUT' })}>All failures</a>
            </li>
          )}
        </ul>
      )}
    </Panel>
  );
}
