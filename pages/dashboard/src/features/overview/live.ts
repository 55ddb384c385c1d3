/** The batches of the overview, read again at each of their events, and each two seconds: a waiting batch has no event yet. */
import { useEffect } from 'preact/hooks';
import { batchesInWork, readQueue } from '../../data/figures';
import { OverviewBatchesDocument } from '../../data/gql/graphql';
import { follow, startAt } from '../../data/log';
import { useRenewed } from '../../data/renewed';
import { isOver } from './outcomes';

const TYPES = ['STARTED', 'PROGRESS', 'COMPLETED', 'CANCELED', 'TIMED_OUT', 'DELETED'].map((each) => `BATCH_${each}`);
const RENEWAL = 2;
const SHOWN = 6;

export function useBatches() {
  const { data, isFresh, error, again } = useRenewed('batches', OverviewBatchesDocument, () => ({}), RENEWAL);
  useEffect(() => {
    const take = ({ type }: { type: string }) => {
      if (type === 'QUEUE_CHANGED') void readQueue();
      else again();
    };
    return follow({ types: [...TYPES, 'QUEUE_CHANGED'], take, restarted: again });
  }, []);
  useEffect(() => {
    if (!data || !isFresh) return;
    startAt(data.eventsEnd);
    batchesInWork.set(data.inWork.totalCount);
  }, [data, isFresh]);
  if (!data) return { batches: null, total: 0, error, again };
  const others = data.newest.nodes.filter((batch) => isOver(batch));
  const batches = [...data.inWork.nodes, ...others].slice(0, SHOWN);
  return { batches, total: data.newest.totalCount, error, again };
}
