/** The dialog of a closed server. GraphiQL behind it waits. */
import { useEffect, useRef, useState } from 'react';
import { keepsSession } from '../../shared/session';
import { sessions, useSession } from './session';

export function SignIn() {
  const now = useSession();
  return now.state === 'out' ? <SignInDialog reason={now.reason} /> : null;
}

function SignInDialog({ reason }: { reason: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (!dialog.current!.open) dialog.current!.showModal();
  }, []);
  const submit = async (form: HTMLFormElement) => {
    const given = new FormData(form);
    setBusy(true);
    setFailure('');
    const refusal = await sessions.signIn(String(given.get('name')).trim(), String(given.get('password')));
    setBusy(false);
    if (refusal) setFailure(refusal);
  };
  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title" onCancel={(event) => event.preventDefault()}>
      <h2 id="sign-in-title">Sign in to Assay</h2>
      {reason && <p>{reason}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label>
          <span>Name</span>
          <input name="name" autoComplete="username" required maxLength={1_000} spellCheck={false} autoCapitalize="none" />
        </label>
        <label>
          <span>Password</span>
          <input name="password" type="password" autoComplete="current-password" required maxLength={1_000} />
        </label>
        <p role="alert">{failure}</p>
        <button type="submit" disabled={isBusy}>
          Sign in
        </button>
      </form>
      {!keepsSession() && <p>This page is not served over HTTPS: each reload signs you out.</p>}
    </dialog>
  );
}
