/** A small line without an axis, beside its number. The unknown is a gap, and zero is at the bottom. */
import './chart.css';
import { linesOf } from './paths';

const WIDTH = 600;

export function Sparkline({ values, tone }: { values: readonly (number | null)[]; tone: string }) {
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0));
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} 40`} preserveAspectRatio="none" aria-hidden="true" data-tone={tone}>
      <path d={linesOf(values, WIDTH, (value) => 37 - (value / top) * 32)} />
    </svg>
  );
}
