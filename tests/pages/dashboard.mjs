/**
 * Controls the live page step by step: reads commands from standard input, one per line, runs them, and prints each outcome
 * as one line of JSON.
 *
 *     node dashboard.mjs http://127.0.0.1:8000
 *     {"do": "open"}
 *     {"do": "click", "selector": "…"}
 *
 * The assertions are in tests/pages/test_dashboard.py.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { launch } from './chromium.mjs';

const [origin] = process.argv.slice(2);
const { page, record, close } = await launch(origin);
const dialogs = [];
page.on('dialog', (dialog) => {
  dialogs.push(dialog.message());
  void dialog.dismiss();
});

const commands = {
  /** `skew`: milliseconds by which the browser's clock is ahead. */
  async open({ hash = '', skew = 0 }) {
    if (skew) {
      await page.addInitScript((skew) => {
        const { now } = Date;
        Date.now = () => now() + skew;
      }, skew);
    }
    await page.goto(`${origin}/dashboard${hash}`);
    await page.locator('.pill[data-state=live]').waitFor();
    return page.title();
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
  async press({ key }) {
    await page.keyboard.press(key);
  },
  texts({ selector }) {
    return page.locator(selector).allTextContents();
  },
  attribute({ selector, name }) {
    return page.locator(selector).first().getAttribute(name);
  },
  focused() {
    return page.evaluate(() => document.activeElement?.textContent);
  },
  /** Returns the figures of a batch's row, by name. */
  batch({ id }) {
    return page.locator(`li.batch[data-id="${id}"]`).evaluate((row) => ({
      status: row.dataset.status,
      label: row.querySelector('progress').getAttribute('aria-label'),
      fraction: row.querySelector('progress').value,
      counts: Object.fromEntries([...row.querySelectorAll('[data-count]')].map((each) => [each.dataset.count, Number(each.querySelector('b').textContent.replaceAll(',', ''))])),
      pace: row.querySelector('.pace').textContent,
    }));
  },
  async untilBatch({ id, status }) {
    await page.locator(`li.batch[data-id="${id}"][data-status=${status}]`).waitFor();
    return commands.batch({ id });
  },
  async untilFraction({ id, least }) {
    await page.waitForFunction(({ id, least }) => document.querySelector(`li.batch[data-id="${id}"] progress`)?.value >= least, { id, least });
  },
  /** Returns the page's events, from its own download. */
  async events() {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as JSON lines' }).click()]);
    return readFileSync(await download.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  },
  async untilEvents({ count }) {
    await page.waitForFunction((count) => Number(document.querySelector('#feed [data-total]').dataset.total) >= count, count);
  },
  async axe() {
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`) }));
  },
  async look({ scheme = 'light', width = 1440, height = 900 }) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
  },
  /** Returns the pixels by which the page is wider than the window. */
  overflow() {
    return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  },
  /** Starts to count the feed's drawings and its most rows. */
  async watchFrames() {
    await page.evaluate(() => {
      globalThis.frames_ = { rows: 0, drawings: 0 };
      const feed = document.querySelector('.feed ol');
      new MutationObserver(() => {
        globalThis.frames_.drawings++;
        globalThis.frames_.rows = Math.max(globalThis.frames_.rows, feed.children.length);
      }).observe(feed, { childList: true });
    });
  },
  frames() {
    return page.evaluate(() => globalThis.frames_);
  },
  async picture({ path }) {
    await page.screenshot({ path });
  },
  record() {
    const { foreign, errors, sockets } = record;
    const asked = record.sent.filter(({ type }) => type === 'subscribe');
    return {
      foreign,
      errors,
      sockets,
      dialogs,
      after: asked.filter(({ payload }) => payload.query.includes('DashboardEvents')).map(({ payload }) => payload.variables.after),
      posts: record.authorizations.length,
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
