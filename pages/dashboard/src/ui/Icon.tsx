/** Icons of 16 by 16 units, drawn with lines. */
const PATHS = {
  overview: 'M2 9.5 8 3l6 6.5M4 8v5.5h8V8',
  list: 'M2.5 4h2M2.5 8h2M2.5 12h2M7 4h7M7 8h7M7 12h7',
  layers: 'M2.5 5.5 8 2.5l5.5 3L8 8.5zM2.5 8.5l5.5 3 5.5-3M2.5 11l5.5 3 5.5-3',
  queue: 'M3 3h10M3 6.5h10M3 10h6M3 13.5h6M12 9v5M14 11.5l-2 2.5-2-2.5',
  pulse: 'M2 8h3l2-5 3 10 2-5h2',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14',
  plus: 'M8 3v10M3 8h10',
  more: 'M3 8h.01M8 8h.01M13 8h.01',
  braces: 'M6 2.5c-3 0-1 4-3.5 5.5C5 9.5 3 13.5 6 13.5M10 2.5c3 0 1 4 3.5 5.5-2.5 1.5-.5 5.5-3.5 5.5',
  chart: 'M2.5 13.5v-4M6.2 13.5v-8M9.8 13.5v-6M13.5 13.5v-11',
  keyboard: 'M1.5 4h13v8h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.5h6',
  cross: 'm4 4 8 8M12 4l-8 8',
  check: 'm3 8.5 3.3 3.3L13 5',
  ring: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11z',
  arc: 'M8 13.5a5.5 5.5 0 1 0-5.5-5.5',
  slash: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM4.3 11.7l7.4-7.4',
  clock: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM8 5v3.2l2 1.3',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  warning: 'M8 2.5 14.5 13.5h-13zM8 7v3M8 11.8v.01',
  down: 'm3 6 5 5 5-5',
  download: 'M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10',
  left: 'M10 3 5 8l5 5',
  right: 'm6 3 5 5-5 5',
  user: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.8 13.5c.6-2.6 2.6-3.7 5.2-3.7s4.6 1.1 5.2 3.7',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
