/** Retry and Cancel of a batch, if its state permits them. */
import { mutate } from '../../data/client';
import { count } from '../../data/clock';
import { CancelBatchDocument, RetryBatchDocument, type BatchRowFragment } from '../../data/gql/graphql';
import { ManyActions, type ManyAction } from '../../ui/ManyActions';
import { canceled, isOver, retried, titleOf } from './words';

/** `isHead`: at the head of the batch's page, where the buttons say which items. */
function actionsOf(batch: BatchRowFragment, isHead: boolean): ManyAction[] {
  const { id, retryableItems } = batch;
  const named = (button: string) => (isHead ? undefined : `${button} of ${titleOf(batch)}`);
  const actions: ManyAction[] = [];
  if (retryableItems > 0) {
    const button = `Retry ${retried(batch).replace(/(?<=[a-z]) items?$/, '')}`;
    actions.push({
      verb: 'Retry',
      items: retryableItems,
      of: retried(batch),
      button: isHead ? button : `Retry ${count(retryableItems)}`,
      name: named(button),
      isPrimary: isHead,
      act: async () => (await mutate(RetryBatchDocument, { id })).retryBatch,
    });
  }
  if (!isOver(batch)) {
    actions.push({
      verb: 'Cancel',
      items: batch.queued + batch.running,
      of: canceled(batch),
      button: 'Cancel',
      name: named('Cancel'),
      act: async () => (await mutate(CancelBatchDocument, { id })).cancelBatch,
    });
  }
  return actions;
}

export function Actions({ batch, isHead = false }: { batch: BatchRowFragment; isHead?: boolean }) {
  return <ManyActions actions={actionsOf(batch, isHead)} status={batch.status} />;
}
