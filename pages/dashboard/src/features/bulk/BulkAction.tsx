/** One action on many analyses, live: its progress, and a button that stops it. */
import { useQuery } from '@urql/preact';
import { useState } from 'preact/hooks';
import { href } from '../../data/address';
import { VERBS } from '../../data/bulk';
import { messageOf, mutate } from '../../data/client';
import { count, duration } from '../../data/clock';
import { BulkActionPageDocument, StopBulkActionDocument, type BulkPartsFragment } from '../../data/gql/graphql';
import { useQueryState } from '../../data/lists';
import { useSubject } from '../../data/subject';
import type { PageProps } from '../../feature';
import { Api } from '../../ui/Api';
import { analyses } from '../../ui/BulkDialog';
import { CopyId } from '../../ui/CopyId';
import { Meter } from '../../ui/Meter';
import { PageHead } from '../../ui/PageHead';
import { State } from '../../ui/State';
import { Blank, Fault, Loading } from '../../ui/states';
import { Moment } from '../../ui/When';
import './bulk.css';

const TYPES = ['BULK_ACTION_PROGRESS', 'BULK_ACTION_ENDED'];

function Stop({ id, again }: { id: string; again: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const stop = async () => {
    setBusy(true);
    setRefusal(
      await mutate(StopBulkActionDocument, { id }).then(
        ({ stopBulkAction }) => stopBulkAction.userErrors[0]?.message ?? null,
        (error: Error) => error.message,
      ),
    );
    setBusy(false);
    again();
  };
  return (
    <div class="actions">
      <span class="refusal" role="status">
        {refusal}
      </span>
      <button type="button" disabled={isBusy} onClick={() => void stop()}>
        Stop
      </button>
    </div>
  );
}

function View({ action, again }: { action: BulkPartsFragment; again: () => void }) {
  const { kind, status, eligible, done, refused, progress } = action;
  const { running, past } = VERBS[kind];
  const { list } = useQueryState();
  const left = Math.max(0, eligible - done - refused);
  return (
    <div data-id={action.id} data-status={status}>
      <PageHead title={`${status === 'RUNNING' ? running : past} ${analyses(status === 'RUNNING' ? eligible : done)}`} beside={<State of={status} />} crumbs={<a href={href('analyses')}>Analyses</a>}>
        {status === 'RUNNING' && <Stop id={action.id} again={again} />}
        <Api document={BulkActionPageDocument} variables={{ id: action.id }} />
      </PageHead>
      <div class="detail">
        <div class="card action">
          <Meter value={progress.fraction} label={`${Math.round(progress.fraction * 100)} % done`} />
          <dl>
            <div>
              <dt>{past}</dt>
              <dd>{count(done)}</dd>
            </div>
            <div>
              <dt>{status === 'RUNNING' ? 'To do' : 'Left'}</dt>
              <dd>{count(left)}</dd>
            </div>
            <div>
              <dt>Refused</dt>
              <dd>{count(refused)}</dd>
            </div>
          </dl>
          <p class="quiet">
            {refused > 0 && 'A refused analysis no longer permitted the action. '}
            {status === 'RUNNING' && progress.etaSeconds !== null && `${duration(progress.etaSeconds)} left. `}
            {status === 'RUNNING' && 'The server continues if this page is closed.'}
            {status === 'STOPPED' && 'The action was stopped. Finished work is kept.'}
          </p>
          {list !== undefined && (
            <p>
              <a href={`${href('analyses')}?${list}`}>Analyses of its filter</a>
              <span class="quiet">, with any status</span>
            </p>
          )}
        </div>
        <dl class="card facts">
          <dt>Id</dt>
          <dd>
            <CopyId id={action.id} />
          </dd>
          <dt>Began</dt>
          <dd>
            <Moment at={action.createdAt} />
          </dd>
          <dt>Ended</dt>
          <dd>
            <Moment at={action.finishedAt} />
          </dd>
        </dl>
      </div>
    </div>
  );
}

function One({ id }: { id: string }) {
  const [{ data, error }, execute] = useQuery({ query: BulkActionPageDocument, variables: { id }, requestPolicy: 'cache-and-network' });
  const again = () => execute({ requestPolicy: 'network-only' });
  useSubject(id, TYPES, data?.eventsEnd, again);
  if (data?.node?.__typename === 'BulkAction') return <View action={data.node} again={again} />;
  if (!data && !error) return <Loading />;
  return (
    <>
      <PageHead title="Bulk action" crumbs={<a href={href('analyses')}>Analyses</a>} />
      {data ? <Blank>There is no such action.</Blank> : <Fault message={`The action could not be read. ${messageOf(error!)}`} again={again} />}
    </>
  );
}

export default function BulkAction({ params }: PageProps) {
  return <One key={params.id} id={params.id!} />;
}
