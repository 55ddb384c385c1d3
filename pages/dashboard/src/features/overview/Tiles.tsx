/** Four figures, each with its course over the range. The last is of the range, the others are those of the moment. */
import { href } from '../../data/address';
import { count, duration, percent, plural, rate } from '../../data/clock';
import { metrics, queue } from '../../data/figures';
import type { OverviewHistoryQuery } from '../../data/gql/graphql';
import { last, most, sum, type Column, type Range } from '../../data/range';
import { useStore } from '../../data/store';
import { Sparkline } from '../../ui/Sparkline';

export type Point = OverviewHistoryQuery['history']['points'][number];

/** The analyses that ended in a step; null without a server. */
export const endsOf = (point: Point) => (point.queued === null ? null : sum([point.completed, point.failed, point.canceled, point.timedOut]));

/** The seconds of a step from which its rate is an average, and not that of a moment. */
const COARSE = 60;

interface TileProps {
  name: string;
  value: preact.ComponentChildren;
  note: string | undefined;
  tone: string;
  values: (number | null)[];
}

function Tile({ name, value, note, tone, values }: TileProps) {
  return (
    <div class="card tile" data-tile={name}>
      <dt>{name}</dt>
      <dd>
        {value}
        <span class="quiet small">{note ?? '\u00a0'}</span>
        <Sparkline values={values} tone={tone} />
      </dd>
    </div>
  );
}

interface Props {
  range: Range;
  columns: Column<Point>[];
  stepSeconds: number;
  /** The analyses of the range that are failed now. */
  failed: number | undefined;
}

export function Tiles({ range, columns, stepSeconds, failed }: Props) {
  const now = useStore(metrics);
  const isPaused = useStore(queue)?.pausedSince != null;
  const of = (value: (points: Point[]) => number | null) => columns.map(({ points }) => value(points));
  const points = columns.flatMap(({ points }) => points);
  const ended = sum(points.map(endsOf)) ?? 0;
  const failedEnds = sum(points.map((point) => point.failed));
  const isCoarse = stepSeconds > COARSE;
  const average = (most(points.map(endsOf)) ?? 0) / stepSeconds;
  const fastest = isCoarse ? average : Math.max(now?.batches.itemsPerSecond ?? 0, average);
  const alive = now?.workers.filter((worker) => worker.alive) ?? [];
  const slots = sum(alive.map((worker) => worker.slots)) ?? 0;
  const busy = sum(alive.map((worker) => worker.busy)) ?? 0;
  const waits = now && (now.queue.oldestSeconds !== null ? `oldest ${duration(now.queue.oldestSeconds)}` : now.queue.depth ? 'waiting for a retry' : 'none waits');
  return (
    <dl class="tiles">
      <Tile
        name="Queued"
        value={<b>{now ? count(now.queue.depth) : '–'}</b>}
        note={waits ? waits + (isPaused ? ', paused' : '') : undefined}
        tone="queued"
        values={of((points) => last(points.map((point) => point.queued)))}
      />
      <Tile
        name="Running"
        value={<b>{now ? count(now.queue.running) : '–'}</b>}
        note={now ? (slots ? `${count(busy)} of ${slots === 1 ? '1 slot' : `${count(slots)} slots`} busy` : 'no worker') : undefined}
        tone="running"
        values={of((points) => last(points.map((point) => point.running)))}
      />
      <Tile
        name="Done a second"
        value={<b>{now ? rate(now.batches.itemsPerSecond) : '–'}</b>}
        note={now && columns.length ? `at most ${rate(fastest)}${isCoarse ? ` averaged over ${duration(stepSeconds)}` : ''}` : undefined}
        tone="completed"
        values={of((points) => sum(points.map(endsOf)))}
      />
      <Tile
        name="Failed"
        value={
          failed === undefined ? (
            <b>–</b>
          ) : (
            <a href={href('analyses', { status: 'FAILED', ended: range.name })} data-some={failed > 0}>
              <b>{count(failed)}</b>
            </a>
          )
        }
        note={failedEnds === null ? (columns.length ? `no server in ${range.words}` : undefined) : ended ? `in ${range.words}; ${percent(failedEnds / ended)} of ${plural(ended, 'end')} failed` : `none ended in ${range.words}`}
        tone="failed"
        values={of((points) => sum(points.map((point) => point.failed)))}
      />
    </dl>
  );
}
