/** The question before an action on many analyses, with their number from a dry run. The button says verb and number. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { countFor, start, VERBS, type Numbers, type Target } from '../data/bulk';
import { count } from '../data/clock';
import type { BulkActionKind } from '../data/gql/graphql';
import { onConnected } from '../data/socket';

export const analyses = (number: number) => `${count(number)} ${number === 1 ? 'analysis' : 'analyses'}`;

const TEXTS: Record<BulkActionKind, string> = {
  RETRY: 'Failed, canceled and timed-out analyses are queued again. An analysis with a refused input stays as it is.',
  CANCEL: 'Queued analyses never start, and running ones are stopped.',
  DELETE: 'Ended analyses are deleted with their results. This cannot be undone.',
};

/** The number of the dry run, or the reason why there is none. It is asked again at a new connection, and by `again`. */
function useCount(kind: BulkActionKind, target: Target) {
  const [numbers, setNumbers] = useState<Numbers | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const newest = useRef(0);
  const again = () => {
    const asked = ++newest.current;
    const isCurrent = () => asked === newest.current;
    setFailure(null);
    countFor(kind, target).then(
      (answer) => isCurrent() && (answer.refusal ? setFailure(answer.refusal) : setNumbers(answer)),
      (error: Error) => isCurrent() && setFailure(error.message),
    );
  };
  useEffect(() => {
    again();
    return () => void newest.current++;
  }, []);
  useEffect(() => {
    if (failure === null) return;
    onConnected.add(again);
    return () => void onConnected.delete(again);
  }, [failure]);
  return { numbers, setNumbers, failure, again };
}

interface Props {
  kind: BulkActionKind;
  target: Target;
  /** Which analyses: "with this error". */
  which?: string;
  /** Called with the id of the started action, or null. */
  answered: (id: string | null, eligible: number) => void;
}

export function BulkDialog({ kind, target, which, answered }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { numbers, setNumbers, failure, again } = useCount(kind, target);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const verb = VERBS[kind];
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    return () => opener?.focus?.();
  }, []);
  const run = async () => {
    setBusy(true);
    setRefusal(null);
    try {
      const answer = await start(kind, target, numbers!.eligible);
      if (answer.id) return answered(answer.id, answer.eligible);
      setRefusal(answer.refusal);
      if (answer.matched) setNumbers(answer); // there are more now: the question is about the new number
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <dialog ref={dialog} class="question" aria-labelledby="bulk-title" onClose={() => answered(null, 0)}>
      <h2 id="bulk-title">
        {numbers ? `${verb.now} ${count(numbers.eligible)} of ${analyses(numbers.matched)}${which ? ` ${which}` : ''}?` : failure === null ? 'Counting…' : 'The number is unknown'}
      </h2>
      <p>{numbers?.eligible === 0 ? `None of them can be ${verb.past.toLowerCase()}.` : TEXTS[kind]}</p>
      <p class="refusal" role="status">
        {failure ?? refusal}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current!.close()}>
          Back
        </button>
        {failure !== null && (
          <button type="button" onClick={again}>
            Try again
          </button>
        )}
        <button type="button" class={kind === 'DELETE' ? 'primary danger' : 'primary'} disabled={isBusy || !numbers?.eligible} onClick={() => void run()}>
          {verb.now} {numbers && analyses(numbers.eligible)}
        </button>
      </div>
    </dialog>
  );
}
