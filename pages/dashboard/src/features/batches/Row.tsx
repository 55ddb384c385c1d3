/** One batch in the list. On a phone it is a card. */
import { hrefOf } from '../../data/address';
import { count } from '../../data/clock';
import type { BatchRowFragment } from '../../data/gql/graphql';
import { State } from '../../ui/State';
import { When } from '../../ui/When';
import { Actions } from './Actions';
import { Bar } from './Bar';
import { useIsPaused } from './live';
import { endedItems, rateOf, timeOf, titleOf } from './words';

export function Row({ batch, matches }: { batch: BatchRowFragment; matches: boolean }) {
  const isPaused = useIsPaused();
  const rate = rateOf(batch, isPaused);
  const lost = batch.failed + batch.timedOut;
  return (
    <tr data-id={batch.id} data-status={batch.status} class={matches ? '' : 'gone'}>
      <td class="st">
        <State of={batch.status} />
      </td>
      <td class="what">
        <a class="name" href={hrefOf(batch.id)}>
          <bdi>{titleOf(batch)}</bdi>
        </a>
      </td>
      <td class="out">
        <Bar batch={batch} />
        <span class="done" data-done={endedItems(batch)}>
          {count(endedItems(batch))} of {count(batch.totalItems)}
        </span>
      </td>
      <td class="number lost">
        {lost > 0 && (
          <a class="refusal" href={`${hrefOf(batch.id)}?status=${batch.failed ? 'FAILED' : 'TIMED_OUT'}`} aria-label={`${count(lost)} failed or timed-out items of ${titleOf(batch)}`}>
            {count(lost)}
            <span> failed</span>
          </a>
        )}
      </td>
      <td class="wide number">{rate !== null && `${rate}/s`}</td>
      <td class="number time">{timeOf(batch, isPaused)}</td>
      <td class="number when">
        <When at={batch.createdAt} />
      </td>
      <td class="act">
        <Actions batch={batch} />
      </td>
    </tr>
  );
}
