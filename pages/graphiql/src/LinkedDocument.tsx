/** Opens the document of a link that is followed while the page is open. */
import { useEffect } from 'react';
import { takeLinked } from './linked';
import { useOpen } from './useOpen';

export function LinkedDocument() {
  const open = useOpen();
  useEffect(() => {
    const follow = () => {
      const linked = takeLinked();
      if (linked) open(linked.query, linked.variables);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  });
  return null;
}
