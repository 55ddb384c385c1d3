import { useStore } from '../data/store';
import { toasts } from '../ui/toast';

export function Toasts() {
  return (
    <div role="status">
      <ul class="toasts" aria-label="Messages">
        {useStore(toasts).map(({ id, kind, text, link }) => (
          <li key={id} data-kind={kind}>
            {text} {link && <a href={link.href}>{link.words}</a>}
          </li>
        ))}
      </ul>
    </div>
  );
}
