/** The items of a batch by outcome: a bar, and the same in words. Each outcome with an item is visible. */
import { count } from '../../data/clock';
import type { BatchRowFragment } from '../../data/gql/graphql';
import { outcomes } from './words';

export function Bar({ batch }: { batch: BatchRowFragment }) {
  const parts = outcomes(batch);
  const label = `${parts.map(({ words }) => words).join(', ') || 'nothing yet'}, of ${count(batch.totalItems)}`;
  return (
    <div class="split" role="img" aria-label={label}>
      {parts.map(({ status, items }) => (
        <i key={status} data-status={status} style={{ flexGrow: items }} />
      ))}
    </div>
  );
}

export function Legend({ batch }: { batch: BatchRowFragment }) {
  return (
    <ul class="shares">
      {outcomes(batch).map(({ status, items, words }) => (
        <li key={status} data-outcome={status} data-items={items}>
          <i data-status={status} />
          {words}
        </li>
      ))}
    </ul>
  );
}
