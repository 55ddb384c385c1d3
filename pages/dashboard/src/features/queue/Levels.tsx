/** The course of the queue over the range: its length, the age of its oldest analysis, and times. */
import { count, duration, milliseconds } from '../../data/clock';
import { metrics } from '../../data/figures';
import { QueueHistoryDocument, type QueueHistoryQuery } from '../../data/gql/graphql';
import { columns, last, most, type Range } from '../../data/range';
import { useRenewed } from '../../data/renewed';
import { useStore } from '../../data/store';
import { Chart, type Series } from '../../ui/Chart';
import { roundSeconds } from '../../ui/paths';
import { Fault } from '../../ui/states';

type Point = QueueHistoryQuery['history']['points'][number];
type Field = Exclude<keyof Point, '__typename' | 'at'>;
type Values = readonly (number | null | undefined)[];

/** "5 min", not "5 min 0 s". */
const seconds = (value: number) => duration(value).replace(/ 0 (s|min|h)$/, '');
const milli = (value: number) => (value < 1000 ? milliseconds(value) : seconds(value / 1000));
const roundMilliseconds = (value: number) => roundSeconds(value / 1000) * 1000;

export function Levels({ range }: { range: Range }) {
  const { data, error, again } = useRenewed(`queue ${range.name}`, QueueHistoryDocument, () => ({ range: range.of }), range.renewal);
  const now = useStore(metrics)?.queue;
  if (!data) return error ? <Fault message={`The history could not be read. ${error}`} again={again} /> : null;
  const { points, stepSeconds } = data.history;
  const shown = columns(points, stepSeconds, range.steps);
  const newest = points.findLast(({ queued }) => queued !== null);
  const axis = {
    kind: 'lines' as const,
    times: shown.map(({ at }) => at),
    stepSeconds: stepSeconds * range.steps,
    known: shown.map(({ isKnown }) => isKnown),
  };
  const blank = newest ? undefined : `No server ran in the last ${range.words}. The first figures appear after five seconds.`;
  /** `value`: that of this moment, if the figures of each second have it. */
  const series = (name: string, tone: string, field: Field, merge: (values: Values) => number | null, format: (value: number) => string, value = newest?.[field]): Series => {
    const values = shown.map(({ points }) => merge(points.map((point) => point[field])));
    return { name, tone, values, now: value == null ? 'none' : format(value) };
  };
  return (
    <>
      {error && <Fault message={`The history could not be read. ${error}`} again={again} />}
      <Chart
        id="levels"
        title="Queued and running"
        {...axis}
        series={[series('queued', 'queued', 'queued', last, count, now?.depth), series('running', 'running', 'running', last, count, now?.running)]}
        format={count}
        blank={blank}
      />
      {newest && (
        <>
          <Chart id="oldest" title="Oldest queued analysis" {...axis} series={[series('waits for', 'timed-out', 'oldestSeconds', most, seconds, now?.oldestSeconds)]} format={seconds} round={roundSeconds} />
          <Chart
            id="times"
            title="Waiting, processing and requests: 95th percentile"
            {...axis}
            series={[
              series('waiting', 'queued', 'waitingP95Ms', most, milli),
              series('processing', 'running', 'processingP95Ms', most, milli),
              series('requests', 'canceled', 'requestP95Ms', most, milli),
            ]}
            format={milli}
            round={roundMilliseconds}
          />
        </>
      )}
    </>
  );
}
