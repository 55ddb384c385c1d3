/** The analyses that ended in the range, by outcome. */
import { count } from '../../data/clock';
import { sum, type Column, type Range } from '../../data/range';
import { Chart, type Series } from '../../ui/Chart';
import type { Point } from './Tiles';

const OUTCOMES = [
  ['completed', 'completed', 'completed'],
  ['failed', 'failed', 'failed'],
  ['timed out', 'timed-out', 'timedOut'],
  ['canceled', 'canceled', 'canceled'],
] as const;

interface Props {
  range: Range;
  columns: Column<Point>[];
  stepSeconds: number;
}

export function Done({ range, columns, stepSeconds }: Props) {
  const series: Series[] = OUTCOMES.map(([name, tone, field]) => {
    const values = columns.map(({ points }) => sum(points.map((point) => point[field])));
    return { name, tone, values, now: count(sum(values) ?? 0) };
  });
  const since = columns.find(({ isKnown }) => isKnown)?.at;
  return (
    <Chart
      id="done"
      title="Done by outcome"
      kind="columns"
      times={columns.map(({ at }) => at)}
      stepSeconds={stepSeconds * range.steps}
      known={columns.map(({ isKnown }) => isKnown)}
      series={series}
      format={count}
      blank={columns.length && since === undefined ? `No server ran in the last ${range.words}. The first figures appear after five seconds.` : undefined}
    />
  );
}
