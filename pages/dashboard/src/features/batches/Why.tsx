/** The errors of a batch, similar ones together. Each group leads to its items. */
import { href, hrefOf } from '../../data/address';
import { count } from '../../data/clock';
import type { BatchDetailFragment } from '../../data/gql/graphql';
import { Icon } from '../../ui/Icon';
import { words } from '../../ui/words';
import { prospects } from './words';

export function Why({ batch, chosen }: { batch: BatchDetailFragment; chosen: string | undefined }) {
  const { errorGroups, failed, timedOut, id } = batch;
  if (errorGroups.length === 0) return null;
  const how = failed && timedOut ? 'failed or timed out' : failed ? 'failed' : 'timed out';
  return (
    <section class="card why" aria-labelledby="why">
      <h2 id="why">
        Why {count(failed + timedOut)} {how}
      </h2>
      <ul>
        {errorGroups.map((group) => (
          <li key={group.fingerprint} data-group={group.fingerprint} data-count={group.count}>
            <Icon name={group.code === 'TIMED_OUT' ? 'clock' : 'cross'} />
            <a href={href(`batches/${id}`, { error: group.fingerprint })} aria-current={chosen === group.fingerprint ? 'true' : undefined}>
              <bdi>{group.message}</bdi>
            </a>
            <b>{count(group.count)}</b>
            <p class="small quiet">
              {words(group.code)}, {prospects(group)};{' '}
              {group.examples.map(({ id, title }, index) => (
                <>
                  {index > 0 && ', '}
                  <a href={hrefOf(id)}>
                    <bdi>{title}</bdi>
                  </a>
                </>
              ))}
              {group.count > group.examples.length && ` and ${count(group.count - group.examples.length)} more`}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
