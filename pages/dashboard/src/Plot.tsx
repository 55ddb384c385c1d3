/** A live plot. uPlot draws on a canvas and reads its colors once: a change of the color scheme creates a new plot. */
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockTime, now } from './clock';
import { points, WINDOW_SECONDS, type Point } from './model';
import { useStore } from './store';

export interface Line<K extends keyof Point> {
  key: K;
  name: string;
  /** A custom property of the style sheet. */
  color: string;
  fill?: boolean;
}

const HEIGHT = 150;
/** The plots start with one minute and grow to five. */
const LEAST_SECONDS = 60;
const dark = matchMedia('(prefers-color-scheme: dark)');

function data(lines: Line<keyof Point>[]): UPlot.AlignedData {
  const columns = lines.map(({ key }) => points.value.map((point) => (Number.isFinite(point[key]) ? (point[key] as number) : null)));
  return [points.value.map((point) => point.at), ...columns];
}

function span(): [number, number] {
  const last = points.value.at(-1)?.at ?? now() / 1000;
  const known = last - (points.value[0]?.at ?? last);
  return [last - Math.min(WINDOW_SECONDS, Math.max(LEAST_SECONDS, known)), last];
}

function make(place: HTMLElement, lines: Line<keyof Point>[], format: (value: number) => string): UPlot {
  const style = getComputedStyle(place);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--hairline'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return new UPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: false },
      padding: [8, 26, 0, 0],
      scales: {
        x: { time: true, range: span },
        y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
      },
      axes: [
        { ...axis, size: 28, space: 80, values: (_plot, at) => at.map((each) => clockTime(each * 1000)), incrs: [15, 30, 60, 120] },
        { ...axis, size: 48, space: 34, values: (_plot, values) => values.map((value) => (value === 0 ? '0' : format(value))) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          stroke: color(line.color),
          width: 1.5,
          points: { show: false },
          ...(line.fill && { fill: `color-mix(in srgb, ${color(line.color)} 14%, transparent)` }),
        })),
      ],
    },
    data(lines),
    place,
  );
}

export function Plot<K extends keyof Point>({ title, lines, format }: { title: string; lines: Line<K>[]; format: (value: number) => string }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>();
  const last = useStore(points).at(-1);

  useEffect(() => {
    const remake = () => {
      plot.current?.destroy();
      plot.current = make(place.current!, lines, format);
    };
    remake();
    const sized = new ResizeObserver(() => {
      const width = Math.max(200, place.current!.clientWidth);
      if (width !== plot.current!.width) plot.current!.setSize({ width, height: HEIGHT });
    });
    sized.observe(place.current!);
    dark.addEventListener('change', remake);
    const forget = points.listen(() => {
      if (!document.hidden) plot.current!.setData(data(lines));
    });
    return () => {
      forget();
      dark.removeEventListener('change', remake);
      sized.disconnect();
      plot.current?.destroy();
    };
  }, [lines, format]);

  const current = lines.map((line) => {
    const value = last?.[line.key];
    return { line, text: typeof value === 'number' && Number.isFinite(value) ? format(value) : '–' };
  });
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        {current.map(({ line, text }) => (
          <span key={line.key} class="plot-line">
            <i data-line={line.color} aria-hidden="true" />
            {line.name} <b>{text}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} class="canvas" role="img" aria-label={`Plot of ${title.toLowerCase()}: now ${current.map(({ line, text }) => `${line.name} ${text}`).join(', ')}`} />
    </figure>
  );
}
