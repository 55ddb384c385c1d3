/**
 * Watches all events in GraphiQL across a restart of the server, and prints the received events as JSON.
 *
 *     node graphiql-resume.mjs http://127.0.0.1:8000
 *
 * The script prints "ready" when the subscription runs, "live" after the first completed analysis, and "reconnecting" when
 * GraphiQL shows the lost connection. It ends after the next completed analysis.
 */
import { launch } from './chromium.mjs';
import { GraphiQL } from './graphiql-page.mjs';

const [origin] = process.argv.slice(2);
const { page, record, close } = await launch(origin);
const graphiql = new GraphiQL(page, origin);

/** Waits for a completed analysis among the messages after number `since`. */
async function completed(since) {
  const isOne = ({ type, payload }) => type === 'next' && payload.data.events.type === 'ANALYSIS_COMPLETED';
  for (const end = Date.now() + 60_000; Date.now() < end; await page.waitForTimeout(50)) {
    if (record.received.slice(since).some(isOne)) return;
  }
  throw new Error('No analysis completed within a minute.');
}

try {
  await graphiql.open();
  await graphiql.openExample('Read the event log'); // its end cursor is `after` of the next example
  await graphiql.run();
  await graphiql.openExample('Watch all events');
  await graphiql.runButton.click();
  await graphiql.until('live');
  console.log('ready');
  await completed(0);
  console.log('live');
  await graphiql.until('reconnecting');
  console.log('reconnecting');
  await completed(record.received.length);
  const cursors = record.received.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.events.cursor);
  const asked = record.sent.filter(({ type }) => type === 'subscribe').map(({ payload }) => payload.variables.after);
  console.log(JSON.stringify({ cursors, asked, state: await graphiql.state() }));
} finally {
  await close();
}
