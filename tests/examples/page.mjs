/**
 * An example's page, used step by step: reads one command a line from its standard input, does it, and prints what came of
 * it as one line of JSON.
 *
 *     node page.mjs http://127.0.0.1:5173
 *     {"do": "click", "selector": "…"}
 *
 * It judges nothing: the tests beside it do.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { launch } from '../browser/chromium.mjs';

const [origin] = process.argv.slice(2);
const { page, record, close } = await launch(origin);
/** What was asked of the stream's door, as far as an answer came. */
const streams = [];
page.on('response', (response) => {
  if (response.ok() && response.url().endsWith('/graphql/stream')) streams.push(response.request().postDataJSON());
});
const require = createRequire(new URL('../browser/package.json', import.meta.url));

/** Of a card or row of a batch. */
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
  /** The rows of the list: each one's id and status. */
  rows() {
    return page.locator('#analyses li').evaluateAll((rows) => rows.map((row) => [row.dataset.id, row.dataset.status]));
  },
  /** The newest events, where the page shows them. */
  cursors() {
    return page.locator('#events li').evaluateAll((lines) => lines.map((line) => line.dataset.cursor));
  },
  /** A batch's figures, by their names. */
  batch({ selector }) {
    return page.locator(selector).first().evaluate(figures);
  },
  /** Requests for this path fail, as where the way to it is broken, until it is mended; sockets stay. */
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
  /** How much wider than the window the page is. */
  overflow() {
    return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  },
  async picture({ path }) {
    await page.screenshot({ path });
  },
  /** What the browser saw: problems, where it connected to, and the events' cursors as they came over WebSockets. */
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
