/** Parts of several result types. */
import type { ComponentChildren } from 'preact';
import { Meter } from '../ui/Meter';

export const percent = (value: number) => `${Math.round(value * 100)} %`;
export const signed = (value: number) => `${value > 0 ? '+' : ''}${value.toFixed(2)}`.replace('-', '−');

export function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="part">
      <h4>{title}</h4>
      {children}
    </section>
  );
}

export function Bars({ rows }: { rows: { label: string; value: number; note: string }[] }) {
  return (
    <table class="bars">
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            <th scope="row" dir="auto">
              {row.label}
            </th>
            <td>
              <Meter value={row.value} label={percent(row.value)} />
            </td>
            <td class="number quiet">{row.note}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

