/** Opens the palette by Ctrl or Cmd and K, or by its button. */
import { useEffect, useState } from 'preact/hooks';
import { Palette } from './Palette';

let open: () => void = () => undefined;
export const showPalette = () => open();

/** The keys of this machine, in words. */
export const PALETTE_KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ K' : 'Ctrl K';

export function PaletteHost() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    open = () => setOpen(true);
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      if (document.querySelector('dialog[open]')) return;
      event.preventDefault();
      open();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return isOpen ? <Palette close={() => setOpen(false)} /> : null;
}
