/**
 * The arrival on a page: the focus moves to its title, or after Back to the link that led away, at the former scroll.
 * The frame notices the new address, and the title of the page completes the arrival when it appears.
 */
interface Place {
  top: number;
  link: string | null;
}

/** The places of this visit, by address. */
const places = new Map<string, Place>();
let pending: { place: Place | undefined } | null = null;

export function leave(url: string, link: string | null): void {
  places.set(url, { top: scrollY, link });
}

export function approach(url: string, isBack: boolean): void {
  pending = { place: isBack ? places.get(url) : undefined };
}

/** Whether the page being drawn was opened by Back, and was shown before. */
export const isReturning = () => pending?.place !== undefined;

export function arrive(title: HTMLElement): void {
  if (!pending) return;
  const { place } = pending;
  pending = null;
  const link = place?.link ? document.querySelector<HTMLElement>(`main a[href="${CSS.escape(place.link)}"]`) : null;
  (link ?? title).focus({ preventScroll: true });
  scrollTo(0, place?.top ?? 0);
}
