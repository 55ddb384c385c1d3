/** A plot of two figures over time: one minute at first, at most five. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const SECONDS = { least: 60, most: 300 };
const HEIGHT = 190;
const place = document.querySelector<HTMLElement>('#plot')!;
const data: [number[], (number | null)[], (number | null)[]] = [[], [], []];
let plot: uPlot;

/** Returns an element's current color: style sheets do not apply to the canvas. */
const color = (selector: string) => getComputedStyle(document.querySelector(selector)!).color;

function draw(): void {
  plot?.destroy();
  const axis = { stroke: color('figcaption'), grid: { stroke: color('#plot'), width: 1 }, ticks: { show: false }, font: '12px system-ui' };
  const fromZero: uPlot.Scale.Range = (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1];
  plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { range: (_plot, first, last) => [Math.min(first, last - SECONDS.least), last] },
        rate: { range: fromZero },
        waiting: { range: fromZero },
      },
      axes: [
        { ...axis, size: 28, space: 90, values: (_plot, times) => times.map((time) => new Date(time * 1000).toLocaleTimeString('en-GB')) },
        { ...axis, scale: 'rate', size: 44 },
        { ...axis, scale: 'waiting', side: 1, size: 50, grid: { show: false } },
      ],
      series: [
        {},
        { scale: 'rate', stroke: color('#rate-key'), width: 2, points: { show: false } },
        { scale: 'waiting', stroke: color('#waiting-key'), width: 2, dash: [5, 4], points: { show: false } },
      ],
    },
    data,
    place,
  );
}

/** Adds a point. Null values leave a gap in the lines. */
export function add(time: number, rate: number | null, waiting: number | null): void {
  // The times must ascend: after a restart of the server with an earlier clock, the plot is cleared.
  const old = time < (data[0].at(-1) ?? 0) ? data[0].length : data[0].findIndex((each) => each >= time - SECONDS.most);
  for (const column of data) column.splice(0, old);
  data[0].push(time);
  data[1].push(rate);
  data[2].push(waiting);
  plot.setData(data);
}

draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
