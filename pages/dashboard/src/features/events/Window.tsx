/**
 * The rows of a long list, newest first. All have one height, so that only the visible ones are in the document. New rows are
 * added above: after scrolling down, the visible rows keep their place.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { hrefOf } from '../../data/address';
import { clockTime } from '../../data/clock';
import { log } from '../../data/log';
import type { LogEvent } from '../../data/operations';
import { State } from '../../ui/State';
import { sentence } from '../../ui/words';
import { isProblem } from './part';
import { useTitles } from './titles';
import { detailOf, hasPage, titleOf } from './words';

/** The heights in pixels, as in the style sheet: a row, and on a phone a card. */
const ROW = 36;
const CARD = 72;
const NARROW = matchMedia('(max-width: 820px)');
const SPARE = 6;

const COLUMNS: [string, string][] = [
  ['at', 'Time'],
  ['type', 'Type'],
  ['title', 'Title'],
  ['wide', 'Analyzer'],
  ['wide', 'Batch'],
  ['words', 'Words'],
];

function Row({ event, index, title: named }: { event: LogEvent; index: number; title: string | null }) {
  const { subjectId, type, occurredAt, batchId } = event;
  const title = titleOf(event, named);
  return (
    <tr
      class="event"
      aria-rowindex={index + 2}
      data-cursor={event.cursor}
      data-subject={subjectId}
      data-problem={isProblem(event) ? '' : undefined}
      data-resumed={log.value.resumed.has(event) ? '' : undefined}
    >
      <td class="at">
        <time dateTime={occurredAt} title={new Date(occurredAt).toISOString()}>
          {clockTime(occurredAt)}
        </time>
      </td>
      <td class="type">
        <State of={type.slice(type.indexOf('_') + 1)} words={sentence(type)} />
      </td>
      <td class="title">
        {hasPage(event) ? (
          <a href={hrefOf(subjectId)} title={subjectId}>
            <bdi>{title}</bdi>
          </a>
        ) : (
          <span title={subjectId}>{title}</span>
        )}
      </td>
      <td class="wide quiet">{event.analyzerName}</td>
      <td class="wide">
        {batchId && (
          <a href={hrefOf(batchId)} title={batchId}>
            …{batchId.slice(-8)}
          </a>
        )}
      </td>
      <td class={event.error ? 'words refusal' : 'words quiet'}>
        <bdi>{detailOf(event)}</bdi>
      </td>
    </tr>
  );
}

const Space = ({ height }: { height: number }) => (
  <tr class="space" aria-hidden="true">
    <td colSpan={COLUMNS.length} style={{ height: `${height}px` }} />
  </tr>
);

interface Props {
  /** Oldest first. */
  rows: LogEvent[];
  /** The number of rows that are new in this drawing. */
  added: number;
}

export function Window({ rows, added }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState({ top: 0, height: 900, row: NARROW.matches ? CARD : ROW });
  const measure = () => {
    const { scrollTop, clientHeight } = box.current!;
    setAt({ top: scrollTop, height: clientHeight, row: NARROW.matches ? CARD : ROW });
  };
  useLayoutEffect(() => {
    if (added && box.current!.scrollTop > 0) box.current!.scrollTop += added * at.row;
  });
  useEffect(() => {
    const sized = new ResizeObserver(measure);
    sized.observe(box.current!);
    NARROW.addEventListener('change', measure);
    return () => {
      sized.disconnect();
      NARROW.removeEventListener('change', measure);
    };
  }, []);
  const first = Math.min(rows.length, Math.max(0, Math.floor(at.top / at.row) - SPARE));
  const last = Math.min(rows.length, Math.ceil((at.top + at.height) / at.row) + SPARE);
  const seen = Array.from({ length: Math.max(0, last - first) }, (_, place) => rows[rows.length - 1 - first - place]!);
  const titleFor = useTitles(seen.filter(hasPage).map(({ subjectId }) => subjectId));
  return (
    <div class="card sheet feed" ref={box} tabIndex={0} role="region" aria-label="Events, newest first" onScroll={measure}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {COLUMNS.map(([name, title]) => (
              <th key={title} scope="col" class={name}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space key="before" height={first * at.row} />
          {seen.map((event, place) => (
            <Row key={event.cursor} event={event} index={first + place} title={titleFor(event.subjectId)} />
          ))}
          <Space key="after" height={(rows.length - last) * at.row} />
        </tbody>
      </table>
    </div>
  );
}
