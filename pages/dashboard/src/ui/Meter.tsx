/** A part of a whole, from 0 to 1, as a bar. */
export function Meter({ value, label }: { value: number; label: string }) {
  return (
    <span class="meter" role="img" aria-label={label}>
      <span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </span>
  );
}
