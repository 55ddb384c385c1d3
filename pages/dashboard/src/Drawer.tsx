/** A batch or analysis, opened by the address's hash: it can be linked to, and the browser's back button closes it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { AnalysisView } from './AnalysisView';
import { BatchView } from './BatchView';
import { Store, useStore } from './store';

interface Route {
  kind: 'batch' | 'analysis';
  id: string;
}

function read(): Route | null {
  const match = /^#\/(batch|analysis)\/([\w-]+)$/.exec(location.hash);
  return match && { kind: match[1] as Route['kind'], id: match[2]! };
}

const route = new Store<Route | null>(read());
addEventListener('hashchange', () => route.set(read()));

function close(): void {
  history.pushState(null, '', location.pathname);
  route.set(null);
}

function Modal({ label, of, children }: { label: string; of: string; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    return () => opener?.focus?.();
  }, []);
  // On the way from a batch to one of its items, the focused element is removed.
  useEffect(() => dialog.current!.querySelector<HTMLElement>('.close')!.focus(), [of]);
  return (
    <dialog
      ref={dialog}
      class="drawer"
      aria-label={label}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current!.close();
      }}
    >
      <div class="drawer-body">
        <button type="button" class="close" aria-label="Close" onClick={() => dialog.current!.close()}>
          ×
        </button>
        {children}
      </div>
    </dialog>
  );
}

export function Drawer() {
  const at = useStore(route);
  if (!at) return null;
  return (
    <Modal label={at.kind === 'batch' ? 'Batch' : 'Analysis'} of={at.id}>
      {at.kind === 'batch' ? <BatchView key={at.id} id={at.id} /> : <AnalysisView key={at.id} id={at.id} />}
    </Modal>
  );
}
