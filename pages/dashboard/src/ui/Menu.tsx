/** A button with a panel below it. On a phone the panel is at the bottom of the window. The browser closes it. */
import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { Icon, type IconName } from './Icon';

interface Props {
  label: ComponentChildren;
  /** The name for screen readers, if the label is an icon. */
  name?: string;
  icon?: IconName;
  class?: string;
  /** Whether a choice inside closes the panel. */
  closes?: boolean;
  children: ComponentChildren;
}

/** The room between the panel and the window's edge, in pixels. */
const EDGE = 8;

export function Menu({ label, name, icon, class: className = '', closes = false, children }: Props) {
  const id = useId();
  const panel = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const place = () => {
    const at = button.current!.getBoundingClientRect();
    const { style, offsetWidth } = panel.current!;
    style.setProperty('--x', `${Math.max(EDGE, Math.min(at.left, innerWidth - offsetWidth - EDGE))}px`);
    style.setProperty('--y', `${at.bottom + 4}px`);
    style.setProperty('--room', `${Math.max(160, innerHeight - at.bottom - 16)}px`);
  };
  return (
    <>
      <button ref={button} type="button" class={className} aria-label={name} popovertarget={id}>
        {icon && <Icon name={icon} />}
        {label}
      </button>
      <div
        ref={panel}
        id={id}
        class="menu"
        popover="auto"
        onToggle={(event) => (event as unknown as ToggleEvent).newState === 'open' && place()}
        onClick={(event) => {
          if (closes && (event.target as Element).closest('a, button')) panel.current!.hidePopover();
        }}
      >
        {children}
      </div>
    </>
  );
}
