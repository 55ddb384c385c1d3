/** Tabs that are links: each has its address. */
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface Tab {
  name: string;
  href: string;
  isCurrent: boolean;
  /** A number beside the name, if it is known. */
  count?: string | undefined;
  /** Whether the number is bad news. */
  isBad?: boolean;
}

/** Pixels that stay visible beside the chosen tab, so that its neighbors show that there are more. */
const BESIDE = 28;

/** Scrolls the tabs until the chosen one is visible. */
function reveal(nav: HTMLElement): void {
  const chosen = nav.querySelector<HTMLElement>('[aria-current]');
  if (!chosen) return;
  const left = chosen.offsetLeft - BESIDE;
  const right = chosen.offsetLeft + chosen.offsetWidth + BESIDE;
  if (left < nav.scrollLeft) nav.scrollLeft = left;
  else if (right > nav.scrollLeft + nav.clientWidth) nav.scrollLeft = right - nav.clientWidth;
}

export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  const nav = useRef<HTMLElement>(null);
  // Not after each drawing, which would undo the viewer's own scrolling.
  const widths = tabs.map(({ name, isCurrent, count }) => `${name} ${isCurrent} ${count?.length}`).join();
  useLayoutEffect(() => reveal(nav.current!), [widths]);
  useLayoutEffect(() => {
    const sized = new ResizeObserver(() => reveal(nav.current!));
    sized.observe(nav.current!);
    return () => sized.disconnect();
  }, []);
  return (
    <nav class="tabs" aria-label={label} ref={nav}>
      {tabs.map(({ name, href, isCurrent, count, isBad }) => (
        <a key={name} href={href} aria-current={isCurrent ? 'page' : undefined}>
          {name} {count !== undefined && <b class={isBad ? 'refusal' : undefined}>{count}</b>}
        </a>
      ))}
    </nav>
  );
}
