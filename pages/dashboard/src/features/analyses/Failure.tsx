/** The reason of a failure, and the way to retry all analyses with the same one. */
import { useEffect, useState } from 'preact/hooks';
import { href } from '../../data/address';
import { countFor, start } from '../../data/bulk';
import { count } from '../../data/clock';
import { announce } from '../../ui/Bulk';
import { BulkDialog } from '../../ui/BulkDialog';
import { sentence } from '../../ui/words';
import type { Detail } from './Analysis';

/** The number of analyses from which a retry asks first. */
const ASK_FROM = 10;

function AllLikeIt({ fingerprint }: { fingerprint: string }) {
  const [number, setNumber] = useState(0);
  const [isAsked, ask] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const target = { filter: { errorFingerprint: fingerprint } };
  useEffect(() => {
    let isCurrent = true;
    countFor('RETRY', target).then(
      ({ eligible }) => isCurrent && setNumber(eligible),
      () => undefined, // without a number there is no offer
    );
    return () => void (isCurrent = false);
  }, [fingerprint]);
  const retry = async () => {
    if (number >= ASK_FROM) return ask(true);
    setBusy(true);
    setRefusal(null);
    try {
      const answer = await start('RETRY', target, number);
      if (answer.id) announce('RETRY', answer.id, answer.eligible);
      else setRefusal(answer.refusal);
      if (answer.eligible) setNumber(answer.eligible);
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setBusy(false);
  };
  if (number < 2) return null;
  return (
    <div class="like-it">
      <button type="button" class="primary" disabled={isBusy} onClick={() => void retry()}>
        Retry all {count(number)} like it
      </button>
      <a href={href('analyses', { error: fingerprint })}>Show them</a>
      <span class="refusal" role="status">
        {refusal}
      </span>
      {isAsked && (
        <BulkDialog
          kind="RETRY"
          target={target}
          which="with this error, of any age"
          answered={(id, eligible) => {
            ask(false);
            if (id) announce('RETRY', id, eligible);
          }}
        />
      )}
    </div>
  );
}

export function Failure({ analysis }: { analysis: Detail }) {
  const { error, errorFingerprint, retryable, status } = analysis;
  if (!error || status === 'QUEUED') return null;
  const isRefused = status === 'FAILED' && !retryable;
  return (
    <div class="failure">
      <strong>{sentence(error.code)}</strong>
      <p class="reason" dir="auto">
        {error.message}
      </p>
      <p class="quiet">
        {isRefused ? 'The input was refused: a retry would be refused too.' : error.retryable ? 'Another attempt may succeed.' : 'Another attempt would fail too, unless the cause is gone.'}
      </p>
      {errorFingerprint && !isRefused && <AllLikeIt key={status} fingerprint={errorFingerprint} />}
    </div>
  );
}
