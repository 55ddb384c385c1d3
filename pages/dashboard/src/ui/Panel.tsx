/** A card with a heading, and something beside it. */
import type { ComponentChildren } from 'preact';
import './panel.css';

interface Props {
  title: string;
  id: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, id, aside, class: more = '', children }: Props) {
  return (
    <section class={`card panel ${more}`} id={id} aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
