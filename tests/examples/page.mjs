/**
 * Controls an example's page step by step: reads commands from standard input, one per line, runs them, and prints each
 * outcome as one line of JSON.
 *
 *     node page.mjs http://127.0.0.1:5173
 *     {"do": "click", "selector": "…"}
 *
 * The assertions are in the tests of this folder.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { launch } from '../pages/chromium.mjs';

const [origin] = process.argv.slice(2);
const { page, record, close } = await launch(origin);
/** The requests to the stream endpoint that got a response. */
const streams = [];
page.on('response', (response) => {
  if (response.ok() && response.url().endsWith('/graphql/stream')) streams.push(response.request().postDataJSON());
});
const require = createRequire(new URL('../pages/package.json', import.meta.url));

/** Returns the figures of a batch's card or row. */
function figures(row) {
  const counts = [...row.querySelectorAll('[data-count]')].map((each) => [each.dataset.count, Number.parseInt(each.textContent.replaceAll(',', ''))]);
  return { id: row.dataset.id, status: row.dataset.status, ...Object.fromEntries(counts) };
}

const commands = {
  async open({ search }) {
    await page.goto(`${origin}/${search}`);
  },
  async until({ selector, text }) {
    const found = page.locator(selector, text === undefined ? {} : { hasText: text }).first();
    await found.waitFor();
    return found.textContent();
  },
  async gone({ selector }) {
    await page.locator(selector).first().waitFor({ state: 'detached' });
  },
  async click({ selector }) {
    await page.locator(selector).first().click();
  },
  async fill({ selector, text }) {
    await page.locator(selector).fill(text);
  },
  async select({ selector, value }) {
    await page.locator(selector).selectOption(value);
  },
  texts({ selector }) {
    return page.locator(selector).allTextContents();
  },
  attribute({ selector, name }) {
    return page.locator(selector).first().getAttribute(name);
  },
  /** Returns the id and status of each row of the list. */
  rows() {
    return page.locator('#analyses li').evaluateAll((rows) => rows.map((row) => [row.dataset.id, row.dataset.status]));
  },
  /** Returns the cursors of the shown events. */
  cursors() {
    return page.locator('#events li').evaluateAll((lines) => lines.map((line) => line.dataset.cursor));
  },
  /** Returns a batch's figures, by name. */
  batch({ selector }) {
    return page.locator(selector).first().evaluate(figures);
  },
  /** Lets requests of this path fail, as with a broken network, until `mend`. Sockets stay connected. */
  async cut({ path }) {
    await page.route(({ pathname }) => pathname === path, (route) => route.abort());
  },
  async mend() {
    await page.unrouteAll();
  },
  async untilFraction({ least }) {
    await page.waitForFunction((least) => document.querySelector('progress')?.value >= least, least);
  },
  batches() {
    return page.locator('.batch').evaluateAll((rows, figures) => rows.map(new Function(`return ${figures}`)()), String(figures));
  },
  async axe() {
    await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`) }));
  },
  async look({ scheme = 'light', width = 1000, height = 800 }) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
  },
  /** Returns the pixels by which the page is wider than the window. */
  overflow() {
    return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  },
  async picture({ path }) {
    await page.screenshot({ path });
  },
  /** Returns the browser's record: problems, connections, and the cursors of events received over WebSockets. */
  record() {
    const { foreign, errors, sockets, sent, received } = record;
    return {
      foreign,
      errors,
      sockets,
      after: [...streams, ...sent.filter(({ type }) => type === 'subscribe').map(({ payload }) => payload)]
        .filter(({ variables }) => variables?.after !== undefined)
        .map(({ variables }) => variables.after),
      events: received.filter(({ type, payload }) => type === 'next' && payload.data?.events).map(({ payload }) => payload.data.events.cursor),
    };
  },
};

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    try {
      console.log(JSON.stringify({ done: (await commands[command.do](command)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ failed: String(error) }));
    }
  }
} finally {
  await close();
}
