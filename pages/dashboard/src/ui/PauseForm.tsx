/** The form of a pause: its reason, which is optional. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { mutate } from '../data/client';
import { PauseQueueDocument } from '../data/gql/graphql';
import type { Change } from './change';

/** The field has the focus while the form is open. A submit reads it: a drawing may be due after the last key. */
export function useFirst() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.focus(), []);
  return field;
}

interface Props {
  /** Null for the whole queue. */
  analyzer: string | null;
  change: Change;
  close: () => void;
}

export function PauseForm({ analyzer, change, close }: Props) {
  const [reason, setReason] = useState('');
  const field = useFirst();
  const pause = async () => {
    const variables = { analyzer, reason: field.current!.value.trim() || null };
    if (await change.make(async () => (await mutate(PauseQueueDocument, variables)).pauseQueue)) close();
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void pause();
      }}
    >
      <label class="box">
        <span class="hidden">Reason</span>
        <input ref={field} maxLength={500} placeholder="Reason, for everybody to see (optional)" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={change.isBusy}>
        Pause
      </button>
      <button type="button" onClick={close}>
        Back
      </button>
    </form>
  );
}
