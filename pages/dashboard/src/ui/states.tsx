/** A list or page without its data: loading, empty, or failed. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Appears after 150 ms, so that fast answers show no flicker. */
export function Loading() {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return isLate ? (
    <p class="blank" role="status">
      Loading…
    </p>
  ) : null;
}

export function Blank({ children }: { children: ComponentChildren }) {
  return <p class="blank">{children}</p>;
}

export function Fault({ message, again }: { message: string; again: () => void }) {
  return (
    <div class="fault" role="alert">
      <span>{message}</span>
      <button type="button" class="push" onClick={again}>
        Try again
      </button>
    </div>
  );
}
