/** The dialog of a closed server. GraphiQL behind it waits. */
import { useEffect, useRef, useState } from 'react';
import { keepsSession } from '../../shared/session';
import { sessions, useSession } from './session';

export function SignIn() {
  const now = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const isShown = now.state === 'out';
  useEffect(() => {
    if (isShown && !dialog.current!.open) dialog.current!.showModal();
    if (!isShown) dialog.current!.close();
  }, [isShown]);
  const submit = async (form: HTMLFormElement) => {
    const given = new FormData(form);
    setBusy(true);
    setFailure('');
    const reason = await sessions.signIn(String(given.get('name')).trim(), String(given.get('password')));
    setBusy(false);
    if (reason) setFailure(reason);
    else form.reset();
  };
  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title" onCancel={(event) => event.preventDefault()}>
      <h2 id="sign-in-title">Sign in to Assay</h2>
      {now.state === 'out' && now.reason && <p>{now.reason}</p>}
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
