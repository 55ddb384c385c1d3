/** Single-key shortcuts, which can be turned off (WCAG 2.2, 2.1.4). */
import { useEffect, useRef, useState } from 'preact/hooks';

const STORED = 'assay.keys';
/** Returns the local storage. A browser without storage for this page throws at its name. */
function kept(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
/** Read at each key, so that a change applies at once. */
let areOn = kept()?.getItem(STORED) !== 'off';

const batches = () => [...document.querySelectorAll<HTMLElement>('li.batch')];
const focused = () => document.activeElement?.closest<HTMLElement>('li.batch') ?? null;
const press = (label: string) => focused()?.querySelector<HTMLButtonElement>(`button[aria-label^="${label}"]`)?.click();

/** Moves the focus by `step` batches. Without a focused batch, moves it to the first. */
function move(step: number): void {
  const rows = batches();
  const at = focused() ? rows.indexOf(focused()!) : -1;
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
  next?.querySelector<HTMLElement>('.batch-name')?.focus();
}

const KEYS: [string, string, () => void][] = [
  ['/', 'write a text to analyze', () => document.getElementById('submit-text')?.focus()],
  ['j', 'next batch', () => move(1)],
  ['k', 'previous batch', () => move(-1)],
  ['c', 'cancel this batch', () => press('Cancel')],
  ['r', 'retry its failed, canceled and timed-out items', () => press('Retry')],
  ['p', 'pause or resume the events', () => document.querySelector<HTMLButtonElement>('#feed button[aria-pressed]')?.click()],
];

function isTyping(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement;
  return event.ctrlKey || event.metaKey || event.altKey || at.closest('input, textarea, select, dialog') !== null;
}

export function Keys() {
  const [isChecked, setChecked] = useState(areOn);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const act = (event: KeyboardEvent) => {
      if (!areOn || isTyping(event)) return;
      const key = KEYS.find(([name]) => name === event.key);
      if (key) key[2]();
      else if (event.key === '?') dialog.current!.showModal();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', act);
    return () => removeEventListener('keydown', act);
  }, []);
  return (
    <>
      <button type="button" class="link" onClick={() => dialog.current!.showModal()}>
        Keys
      </button>
      <dialog ref={dialog} class="keys" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl>
          {[...KEYS, ['?', 'show these keys', null] as const].map(([name, action]) => (
            <div key={name}>
              <dt>
                <kbd>{name}</kbd>
              </dt>
              <dd>{action}</dd>
            </div>
          ))}
        </dl>
        <label>
          <input
            type="checkbox"
            checked={isChecked}
            onChange={(event) => {
              areOn = event.currentTarget.checked;
              kept()?.setItem(STORED, areOn ? 'on' : 'off');
              setChecked(areOn);
            }}
          />
          Use single-key shortcuts
        </label>
        <form method="dialog">
          <button>Close</button>
        </form>
      </dialog>
    </>
  );
}
