/** The page of one object reads it again after its events. */
import { useEffect, useRef } from 'preact/hooks';
import { follow, startAt } from './log';

/** Milliseconds between two readings. */
const READ_MS = 400;

/** `end` is `Query.eventsEnd` of the object's query. */
export function useSubject(id: string, types: readonly string[], end: string | undefined, again: () => void): void {
  const newest = useRef(again);
  newest.current = again;
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      due ??= setTimeout(() => {
        due = undefined;
        newest.current();
      }, READ_MS);
    };
    const forget = follow({ types, take: (event) => event.subjectId === id && soon(), restarted: soon });
    return () => {
      forget();
      clearTimeout(due);
    };
  }, [id]);
  useEffect(() => {
    if (end) startAt(end);
  }, [end]);
}
