/** The waiting times and attempts of the last run of an analysis, one after another. */
export interface Attempt {
  number: number;
  run: number;
  startedAt: string;
  finishedAt: string | null;
  error: { code: string } | null;
}

export interface Span {
  kind: 'waited' | 'completed' | 'failed' | 'timed_out' | 'canceled' | 'running';
  words: string;
  milliseconds: number;
}

function kindOf({ error, finishedAt }: Attempt): Span['kind'] {
  if (error) return error.code === 'TIMED_OUT' ? 'timed_out' : error.code === 'CANCELED' ? 'canceled' : 'failed';
  return finishedAt === null ? 'running' : 'completed';
}

/** `now`: milliseconds since the epoch. The wait before the first attempt of a later run is not known. */
export function spansOf(createdAt: string, attempts: readonly Attempt[], now: number): Span[] {
  const run = attempts.at(-1)?.run;
  const last = attempts.filter((each) => each.run === run);
  const spans: Span[] = [];
  let ended = run === 1 && last[0]?.number === 1 ? Date.parse(createdAt) : null;
  for (const attempt of last) {
    const [start, end] = [Date.parse(attempt.startedAt), attempt.finishedAt === null ? now : Date.parse(attempt.finishedAt)];
    if (ended !== null && start > ended) spans.push({ kind: 'waited', words: 'waited', milliseconds: start - ended });
    spans.push({ kind: kindOf(attempt), words: `attempt ${attempt.number}`, milliseconds: Math.max(0, end - start) });
    ended = end;
  }
  return spans;
}
