/** Buttons of actions on the items of a batch. Many items are a question first. A refusal appears beside the buttons. */
import { useEffect, useState } from 'preact/hooks';
import { Question } from './Question';
import { toast } from './toast';

/** The number of items from which an action asks first. */
const ASK_FROM = 10;

export interface ManyAction {
  verb: 'Retry' | 'Cancel';
  items: number;
  /** The items in words, such as "15 failed items". */
  of: string;
  /** The words of the button, and its name if these do not say the batch. */
  button: string;
  name?: string | undefined;
  isPrimary?: boolean;
  act: () => Promise<{ userErrors: { message: string }[] }>;
}

const TEXTS = {
  Retry: 'They are queued again. Results of completed items stay.',
  Cancel: 'Queued items never start, and running ones are stopped. Results of completed items stay.',
};

interface Props {
  actions: readonly ManyAction[];
  /** A change of it clears the refusal. */
  status: string;
  /** Called after each action, also after a refused one. */
  after?: () => void;
}

export function ManyActions({ actions, status, after }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [asked, ask] = useState<ManyAction | null>(null);
  useEffect(() => setRefusal(null), [status]);
  const run = async ({ verb, of, act }: ManyAction) => {
    setBusy(true);
    setRefusal(null);
    try {
      const { userErrors } = await act();
      if (userErrors.length) setRefusal(userErrors.map(({ message }) => message).join(' '));
      else toast(`${verb === 'Retry' ? 'Queued again' : 'Canceled'}: ${of}.`);
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setBusy(false);
    after?.();
  };
  return (
    <div class="actions">
      <span class="refusal" role="status">
        {refusal}
      </span>
      {actions.map((action) => (
        <button
          key={action.verb}
          type="button"
          class={action.isPrimary ? 'primary' : ''}
          data-act={action.verb}
          disabled={isBusy}
          aria-label={action.name}
          onClick={() => (action.items < ASK_FROM ? void run(action) : ask(action))}
        >
          {action.button}
        </button>
      ))}
      {asked && (
        <Question
          title={`${asked.verb} ${asked.of}?`}
          text={TEXTS[asked.verb]}
          verb={`${asked.verb} ${asked.of}`}
          answered={(isYes) => {
            const action = asked;
            ask(null);
            if (isYes) void run(action);
          }}
        />
      )}
    </div>
  );
}
