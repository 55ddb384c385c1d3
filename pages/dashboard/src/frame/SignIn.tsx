/** The dialog of a closed server: sign-in, or the password of an invited user. The page behind it waits. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { keepsSession } from '../../../shared/session.ts';
import { BASE } from '../data/address';
import { session, sessions } from '../data/session';
import { useStore } from '../data/store';
import { Logo } from './Logo';

const LEAST = 12;

/** The last segment of the address of an invitation, or null. */
const invited = () => /^invitation\/([\w-]+)$/.exec(location.pathname.slice(BASE.length))?.[1] ?? null;

interface FieldProps {
  label: string;
  name: string;
  type?: 'password';
  autocomplete: 'username' | 'current-password' | 'new-password';
  least?: number;
}

function Field({ label, name, type, autocomplete, least }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input name={name} type={type ?? 'text'} autocomplete={autocomplete} required minLength={least} maxLength={1_000} spellcheck={false} autocapitalize="none" />
    </label>
  );
}

export function SignIn() {
  const now = useStore(session);
  return now.state === 'out' ? <SignInDialog reason={now.reason} /> : null;
}

function SignInDialog({ reason }: { reason: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const invitation = invited();
  useEffect(() => dialog.current!.showModal(), []);
  const submit = async (form: HTMLFormElement) => {
    const value = (name: string) => (form.elements.namedItem(name) as HTMLInputElement | null)?.value ?? '';
    if (invitation && value('password') !== value('again')) return setFailure('The two passwords differ.');
    setBusy(true);
    setFailure('');
    const refusal = invitation ? await sessions.accept(invitation, value('password')) : await sessions.signIn(value('name').trim(), value('password'));
    setBusy(false);
    if (refusal) return setFailure(refusal);
    if (invitation) location.replace(BASE);
  };
  return (
    <dialog ref={dialog} class="question sign-in" aria-labelledby="sign-in-title" onCancel={(event) => event.preventDefault()}>
      <h2 id="sign-in-title">
        <Logo />
        {invitation ? 'Choose a password' : 'Sign in to Assay'}
      </h2>
      {reason && <p>{reason}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        {!invitation && <Field label="Name" name="name" autocomplete="username" />}
        {invitation ? (
          <>
            <Field label={`Password, at least ${LEAST} characters`} name="password" type="password" autocomplete="new-password" least={LEAST} />
            <Field label="The same password again" name="again" type="password" autocomplete="new-password" />
          </>
        ) : (
          <Field label="Password" name="password" type="password" autocomplete="current-password" />
        )}
        <p class="refusal" role="alert">
          {failure}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          {invitation ? 'Set the password' : 'Sign in'}
        </button>
      </form>
      {!keepsSession() && <p class="quiet">This page is not served over HTTPS: each reload signs you out.</p>}
    </dialog>
  );
}
