/** Paths of charts, in the units of their drawing. A null is a gap. */
type Values = readonly (number | null)[];

const fixed = (value: number) => String(Math.round(value * 10) / 10);

/** Returns lines through the values, each in the middle of its step. A value between two gaps is a line of one step. */
export function linesOf(values: Values, width: number, y: (value: number) => number): string {
  const step = width / Math.max(1, values.length);
  let path = '';
  values.forEach((value, index) => {
    if (value === null) return;
    const [x, height] = [(index + 0.5) * step, fixed(y(value))];
    const begins = index === 0 || values[index - 1] === null;
    const isAlone = begins && (values[index + 1] ?? null) === null;
    path += isAlone ? `M${fixed(x - step / 2)} ${height}h${fixed(step)}` : `${begins ? 'M' : 'L'}${fixed(x)} ${height}`;
  });
  return path;
}

/** A rectangle for each step with a height above zero, on top of `below`. */
export function columnsOf(heights: readonly number[], below: readonly number[], width: number, base: number): string {
  const step = width / Math.max(1, heights.length);
  return heights
    .map((height, index) => {
      if (height <= 0) return '';
      const broad = fixed(step * 0.82);
      return `M${fixed((index + 0.09) * step)} ${fixed(base - below[index]!)}h${broad}v${fixed(-height)}h-${broad}z`;
    })
    .join('');
}

/** The stretches of steps without a server, from top to bottom. */
export function gapsOf(known: readonly boolean[], width: number, height: number): string {
  const step = width / Math.max(1, known.length);
  let path = '';
  for (let begin = known.indexOf(false); begin >= 0; ) {
    const found = known.indexOf(true, begin);
    const end = found < 0 ? known.length : found;
    path += `M${fixed(begin * step)} 0H${fixed(end * step)}V${height}H${fixed(begin * step)}z`;
    begin = known.indexOf(false, end);
  }
  return path;
}

/** Returns a round number that is not below the value: the top of an axis. */
export function roundCount(value: number): number {
  if (value <= 4) return Math.max(1, Math.ceil(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].find((each) => each * power >= value)! * power;
}

const SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400];

/** The same of a time in seconds, in words such as "20 s" or "5 min". */
export function roundSeconds(value: number): number {
  if (value > 86_400) return Math.ceil(value / 86_400) * 86_400;
  return value < 1 ? roundCount(Math.max(1, value * 1000)) / 1000 : SECONDS.find((each) => each >= value)!;
}
