/** Opens the palette by Ctrl or Cmd and K. It is loaded with its first use. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { toast } from '../ui/toast';

type Palette = ComponentType<{ close: () => void }>;

export function PaletteHost() {
  const [isOpen, setOpen] = useState(false);
  const [loaded, setLoaded] = useState<{ Palette: Palette } | null>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      if (document.querySelector('dialog[open]')) return;
      event.preventDefault();
      setOpen(true);
      import('./Palette').then(
        (module) => setLoaded({ Palette: module.default }),
        () => {
          setOpen(false);
          toast('The palette could not be loaded.', 'failed');
        },
      );
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return isOpen && loaded ? <loaded.Palette close={() => setOpen(false)} /> : null;
}
