/** An event in words. */
import { count } from '../../data/clock';
import type { LogEvent } from '../../data/operations';
import { sentence, words } from '../../ui/words';

const tail = (id: string) => (id.length > 8 ? `…${id.slice(-8)}` : id);

/** The object of the event: its title, or the tail of its id without one. */
export function titleOf(event: LogEvent, title: string | null): string {
  if (event.component) return sentence(event.component);
  if (event.type === 'QUEUE_CHANGED') return event.subjectId === 'queue' ? 'Queue' : tail(event.subjectId);
  return title ?? tail(event.subjectId);
}

export const hasPage = ({ type, subjectId }: LogEvent) => /^(analysis|batch|bulk)_/.test(subjectId) && !type.endsWith('_DELETED');

/** The items of a batch. After its end, those that neither completed nor failed were stopped. */
function itemsOf({ type, processed = 0, failed = 0 }: LogEvent, total: number): string {
  const stopped = /_(STARTED|PROGRESS)$/.test(type) ? 0 : total - processed - failed;
  return [
    `${count(processed)} of ${count(total)} completed`,
    ...(failed ? [`${count(failed)} failed`] : []),
    ...(stopped > 0 ? [`${count(stopped)} timed out or canceled`] : []),
  ].join(', ');
}

export function detailOf(event: LogEvent): string {
  if (event.error) return event.error.message;
  if (event.component) return [words(event.health ?? ''), event.alertMessage].filter(Boolean).join('. ');
  if (event.eligible !== undefined) return `${count(event.done ?? 0)} of ${count(event.eligible)} done`;
  if (event.by) return `by ${event.by}`;
  if (event.totalItems !== undefined && event.type !== 'BATCH_DELETED') {
    return itemsOf(event, event.totalItems);
  }
  if (event.type === 'ANALYSIS_PROGRESS' && event.progress) {
    return `${Math.round(event.progress.fraction * 100)} % ${event.progress.step ?? ''}`;
  }
  return '';
}
