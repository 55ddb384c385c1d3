/** The head of a page: its title, also in the browser's tab, a way back, and actions. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { arrive } from './arrival';

interface Props {
  title: string;
  /** Beside the title, such as a status. */
  beside?: ComponentChildren;
  crumbs?: ComponentChildren;
  children?: ComponentChildren;
}

export function PageHead({ title, beside, crumbs, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => arrive(heading.current!), []);
  useEffect(() => {
    document.title = `${title} - Assay`;
  }, [title]);
  return (
    <>
      {crumbs && <div class="crumbs">{crumbs}</div>}
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{title}</bdi> {beside}
        </h1>
        {children}
      </div>
    </>
  );
}
