/**
 * Has each line of a file, or of standard input, analyzed, and prints what came out of each as soon as it has.
 *
 *     npm start -- texts.txt
 *
 * Results go to standard output, one a line; what else there is to say, to standard error. The exit status is 0 if every line
 * was analyzed. The server may go and come back meanwhile: no line is handed in twice, and none is printed twice or left out.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ask, follow } from './api.js';
import { EventsEndDocument, SubmitDocument, WatchDocument, type WatchSubscription } from './gql/graphql.js';

type AnalysisEvent = Extract<WatchSubscription['events'], { __typename: 'AnalysisEvent' }>;

async function main(file: string | number): Promise<boolean> {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop(); // behind the last line's end
  const items = lines.map((text, n) => ({ key: `line ${n + 1}`, request: { text: { text } } }));

  // The place is asked for before the batch is there: all of its events stand behind it.
  const { eventsEnd } = await ask(EventsEndDocument, {});
  const { batch, userErrors } = (await ask(SubmitDocument, { input: { items, idempotencyKey: randomUUID() } })).batchProcess;
  if (!batch) throw new Error(userErrors.map(({ message }) => message).join('\n'));
  console.error(`${batch.totalItems} handed in as ${batch.id}`);

  let allWell = false;
  await follow(WatchDocument, { batchId: batch.id, after: eventsEnd }, (event) => {
    if (event.__typename === 'AnalysisEvent') {
      const line = describe(event);
      if (line) console.log(line);
      return false;
    }
    if (!['BATCH_COMPLETED', 'BATCH_CANCELED', 'BATCH_TIMED_OUT'].includes(event.type)) return false;
    console.error(`${event.processed} of ${event.totalItems} analyzed, ${event.failed} failed`);
    allWell = event.processed === event.totalItems;
    return true;
  });
  return allWell;
}

/** What an analysis ended with; null while it has not ended. */
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
  // Its type says what it has. One that this script does not know, of a newer server, still has what every result has.
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
