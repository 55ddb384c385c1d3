/** A question before an action on many objects. The button says verb and number. */
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  title: string;
  text: string;
  verb: string;
  answered: (isYes: boolean) => void;
}

export function Question({ title, text, verb, answered }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    return () => opener?.focus?.();
  }, []);
  return (
    <dialog ref={dialog} class="question" aria-labelledby="question-title" onClose={() => answered(dialog.current!.returnValue === 'yes')}>
      <h2 id="question-title">{title}</h2>
      <p>{text}</p>
      <form method="dialog">
        <button value="no">Back</button>
        <button value="yes" class="primary">
          {verb}
        </button>
      </form>
    </dialog>
  );
}
