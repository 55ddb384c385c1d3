/** A chart of steps over time: counts as stacked columns, or levels as lines. The same figures are in a table. */
import { useState } from 'preact/hooks';
import { clockTime, dayOf, shortTime } from '../data/clock';
import './chart.css';
import { Panel } from './Panel';
import { columnsOf, gapsOf, linesOf, roundCount } from './paths';

export interface Series {
  name: string;
  /** Its color in chart.css. */
  tone: string;
  values: readonly (number | null)[];
  /** The figure in the legend, for the whole range. */
  now: string;
}

interface Props {
  id: string;
  title: string;
  kind: 'columns' | 'lines';
  /** The starts of the steps, in milliseconds. */
  times: readonly number[];
  stepSeconds: number;
  /** Whether a server ran in the step. */
  known: readonly boolean[];
  /** At most four. */
  series: readonly Series[];
  format: (value: number) => string;
  /** Returns the top of the axis for the largest value. */
  round?: (value: number) => number;
  /** Shown instead of the chart. */
  blank?: string | undefined;
}

const WIDTH = 600;
const HEIGHT = 126;
const BASE = 125;
const TOP = 5;
/** The least height of a column, so that one among thousands is seen. */
const LEAST = 2;

const DAY = 86_400;

/** The time of a step in words, as exact as its length. */
const timeOf = (at: number, stepSeconds: number) =>
  stepSeconds < 60 ? clockTime(at) : stepSeconds < 3_600 ? shortTime(at) : `${dayOf(at)}, ${shortTime(at)}`;

export function Chart({ id, title, kind, times, stepSeconds, known, series, format, round = roundCount, blank }: Props) {
  const [pointed, point] = useState<number | null>(null);
  const [isTable, showTable] = useState(false);
  const text = (value: number | null | undefined, step: number) => (value == null ? (known[step] ? 'none' : 'unknown') : format(value));
  const sums = times.map((_, step) => series.reduce((all, { values }) => all + (values[step] ?? 0), 0));
  const largest = kind === 'columns' ? Math.max(0, ...sums) : Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const top = round(largest);
  const scale = (BASE - TOP) / top;
  const at = pointed !== null && pointed < times.length ? pointed : null;
  const isLong = times.length > 0 && times.at(-1)! - times[0]! > 2 * DAY * 1000;
  const label = (step: number) => (isLong ? dayOf(times[step]!) : shortTime(times[step]!));
  const legend = (
    <div class="legend" data-pointed={at !== null}>
      {series.map(({ name, tone, values, now }) => (
        <span key={name}>
          <i data-tone={tone} aria-hidden="true" />
          {name} <b>{at === null ? now : text(values[at], at)}</b>
        </span>
      ))}
      {known.includes(false) && (
        <span>
          <i data-tone="unknown" aria-hidden="true" />
          no server
        </span>
      )}
    </div>
  );
  if (blank || !times.length) {
    return (
      <Panel id={id} title={title}>
        <p class="blank">{blank ?? 'Nothing is known yet.'}</p>
      </Panel>
    );
  }
  const below = times.map(() => 0);
  const drawings = series.map(({ name, tone, values }) => {
    if (kind === 'lines') return <path key={name} data-tone={tone} class="of-line" d={linesOf(values, WIDTH, (value) => BASE - value * scale)} />;
    const heights = values.map((value) => (value ? Math.max(LEAST, value * scale - 0.6) : 0));
    const path = columnsOf(heights, [...below], WIDTH, BASE);
    heights.forEach((height, step) => (below[step] = below[step]! + (height && height + 0.6)));
    return <path key={name} data-tone={tone} class="of-column" d={path} />;
  });
  const cross = at === null ? null : ((at + 0.5) / times.length) * WIDTH;
  return (
    <Panel id={id} title={title} aside={legend} class="chart">
      <div class="plot">
        <div class="ticks" aria-hidden="true">
          <span>{format(top)}</span>
          <span>{kind === 'columns' && top % 2 ? '' : format(top / 2)}</span>
          <span>0</span>
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}, from ${timeOf(times[0]!, stepSeconds)}: ${series.map(({ name, now }) => `${name} ${now}`).join(', ')}`}
          onPointerMove={(event) => {
            const { left, width } = event.currentTarget.getBoundingClientRect();
            point(Math.max(0, Math.min(times.length - 1, Math.floor(((event.clientX - left) / width) * times.length))));
          }}
          onPointerLeave={() => point(null)}
        >
          <path class="unknown" d={gapsOf(known, WIDTH, BASE)} />
          <path class="grid" d={`M0 ${TOP}H${WIDTH}M0 ${(TOP + BASE) / 2}H${WIDTH}M0 ${BASE}H${WIDTH}`} />
          {drawings}
          {cross !== null && <path class="cross" d={`M${cross} 0V${HEIGHT}`} />}
        </svg>
        <div class="times quiet small">
          <span>{label(0)}</span>
          <span>{at === null ? label(Math.floor(times.length / 2)) : <b>{timeOf(times[at]!, stepSeconds)}</b>}</span>
          <span>{label(times.length - 1)}</span>
        </div>
      </div>
      <button type="button" class="link small" aria-expanded={isTable} onClick={() => showTable(!isTable)}>
        {isTable ? 'Hide table' : 'Show as table'}
      </button>
      {isTable && (
        <div class="scroll" role="region" aria-label={`${title}, table`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times
                .map((time, step) => (
                  <tr key={time}>
                    <th scope="row">{timeOf(time, stepSeconds)}</th>
                    {series.map(({ name, values }) => (
                      <td key={name} class="number">
                        {text(values[step], step)}
                      </td>
                    ))}
                  </tr>
                ))
                .reverse()}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
