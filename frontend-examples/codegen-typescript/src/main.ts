/**
 * Analyzes each line of a file, or of standard input, and prints each result as soon as it is available.
 *
 *     npm start -- texts.txt
 *
 * Results go to standard output, one per line, messages to standard error. The exit status is 0 if all lines were analyzed. The
 * server may stop and restart in between: each line is submitted once and printed once.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ask, follow } from './api.js';
import { EventsEndDocument, SubmitDocument, WatchDocument, type WatchSubscription } from './gql/graphql.js';

type AnalysisEvent = Extract<WatchSubscription['events'], { __typename: 'AnalysisEvent' }>;

async function main(file: string | number): Promise<boolean> {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop(); // after the last line break
  const items = lines.map((text, n) => ({ key: `line ${n + 1}`, request: { text: { text } } }));

  // The cursor is read before the batch is submitted: all of the batch's events are after it.
  const { eventsEnd } = await ask(EventsEndDocument, {});
  const { batch, userErrors } = (await ask(SubmitDocument, { input: { items, idempotencyKey: randomUUID() } })).batchProcess;
  if (!batch) throw new Error(userErrors.map(({ message }) => message).join('\n'));
  console.error(`${batch.totalItems} submitted as ${batch.id}`);

  let allWell = false;
  await follow(WatchDocument, { batchId: batch.id, after: eventsEnd }, (event) => {
    if (event.__typename === 'AnalysisEvent') {
      const line = describe(event);
      if (line) console.log(line);
      return false;
    }
    if (event.__typename !== 'BatchEvent') return false;
    if (!['BATCH_COMPLETED', 'BATCH_CANCELED', 'BATCH_TIMED_OUT'].includes(event.type)) return false;
    console.error(`${event.processed} of ${event.totalItems} analyzed, ${event.failed} failed`);
    allWell = event.processed === event.totalItems;
    return true;
  });
  return allWell;
}

/** Returns the outcome of an analysis, or null if the event is not its end. */
function describe({ type, analysis, error }: AnalysisEvent): string | null {
  const name = analysis?.key ?? '(deleted)';
  switch (type) {
    case 'ANALYSIS_COMPLETED':
      return `${name}\t${describeResult(analysis?.result)}`;
    case 'ANALYSIS_FAILED':
    case 'ANALYSIS_CANCELED':
    case 'ANALYSIS_TIMED_OUT':
      return `${name}\t${error?.code}: ${error?.message}`;
    default:
      return null;
  }
}

function describeResult(result: NonNullable<AnalysisEvent['analysis']>['result'] | undefined): string {
  if (!result) return '(deleted)';
  // The type determines the fields. A result of an unknown type, as from a newer server, has the fields of AnalysisResult.
  if (result.__typename !== 'TextResult') return JSON.stringify(result.data);
  const { language, sentiment, summary } = result;
  const feeling = sentiment && `${sentiment.label.toLowerCase()} ${sentiment.score.toFixed(2)}`;
  return [language?.code ?? '?', feeling ?? '–', summary].join('\t');
}

main(process.argv[2] ?? 0).then(
  (allWell) => (process.exitCode = allWell ? 0 : 1),
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
