/**
 * Uses all features of GraphiQL, and prints a report as JSON.
 *
 *     node graphiql.mjs http://127.0.0.1:8000 folder-for-screenshots
 *
 * The assertions are in tests/pages/test_graphiql.py.
 */
import { join } from 'node:path';
import { launch } from './chromium.mjs';
import { GraphiQL } from './graphiql-page.mjs';

const [origin, pictures] = process.argv.slice(2);
const SECRET = 'Bearer not-to-be-kept';

const { page, record, close } = await launch(origin);
const graphiql = new GraphiQL(page, origin);
const report = { record, examples: {} };
const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });

// All writes are recorded, because later writes may overwrite earlier ones.
await page.addInitScript(() => {
  globalThis.written = [];
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = function (name, value) {
    globalThis.written.push(value);
    return setItem.call(this, name, value);
  };
});

try {
  await graphiql.open();
  report.title = await page.title();
  report.welcome = await graphiql.run();
  await picture('welcome-light');

  for (const title of await graphiql.titles()) {
    await graphiql.openExample(title);
    report.examples[title] = await graphiql.run();
    if (title === 'Analyze a text') await picture('text-light'); // docs/screenshots/graphiql.png
    await graphiql.stop();
  }

  await graphiql.openExample('A batch of sixty');
  await graphiql.run();
  await graphiql.openExample('Watch a batch');
  const before = record.received.length;
  await graphiql.runButton.click();
  await graphiql.until('ended', 'failed');
  report.watched = record.received.slice(before).filter(({ type }) => type === 'next').map(({ payload }) => payload.data.batch);
  report.shown = { status: await graphiql.status.textContent(), response: await graphiql.json('response.json') };
  await picture('watched-light');

  // A token in the headers is sent over both transports and copied to the next example, and is not stored.
  record.authorizations.length = 0;
  record.sent.length = 0;
  await graphiql.setHeaders({ Authorization: SECRET });
  await graphiql.run();
  await graphiql.stop();
  await page.waitForTimeout(800); // GraphiQL saves changes after half a second, and its history uses the saved state
  await graphiql.openExample('First look');
  await page.waitForTimeout(800);
  await graphiql.run();
  await page.waitForFunction(() => localStorage.getItem('graphiql:queries')?.includes('FirstLook'));
  report.withHeaders = {
    authorizations: [...record.authorizations],
    connections: record.sent.filter(({ type }) => type === 'connection_init').map(({ payload }) => payload),
    isKept: await page.evaluate((secret) => globalThis.written.some((value) => value.includes(secret)), SECRET),
  };

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.graphiql-query-editor .monaco-editor.vs-dark').waitFor(); // the editors follow the system's theme
  await graphiql.open();
  await graphiql.openExample('Read a typed result');
  await graphiql.run();
  await picture('result-dark');
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.getByRole('link', { name: 'Query', exact: true }).click();
  await picture('docs-dark');
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
  report.explored = await page.locator('.graphiql-explorer-root').textContent();
  await picture('explorer-dark');
} catch (error) {
  report.broken = String(error);
  await picture('broken').catch(() => undefined);
} finally {
  await close();
}
console.log(JSON.stringify(report, null, 2));
