/**
 * Controls the dashboard step by step: reads commands from standard input, one per line, runs them, and prints each outcome
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
  async open({ path = '', hash = '', skew = 0 }) {
    if (skew) {
      await page.addInitScript((skew) => {
        const { now } = Date;
        Date.now = () => now() + skew;
      }, skew);
    }
    await page.goto(`${origin}/dashboard${path}${hash}`);
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
  /** Chooses a file with this text. */
  async choose({ selector, name, text }) {
    await page.locator(selector).setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  },
  /** Writes a text to the storage of the pages. */
  async keep({ name, text }) {
    await page.evaluate(({ name, text }) => localStorage.setItem(name, text), { name, text });
  },
  /** Loses the requests to the API with this text, or none. */
  async lose({ text }) {
    await page.unroute('**/graphql');
    if (text) await page.route('**/graphql', (route) => (route.request().postData()?.includes(text) ? route.abort() : route.continue()));
  },
  /** Sends the page answers of the API in which a field has another value. */
  async falsify({ field, value }) {
    await page.route('**/graphql', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      try {
        const response = await route.fetch();
        const body = JSON.stringify(await response.json(), (name, given) => (name === field ? value : given));
        await route.fulfill({ response, body });
      } catch {
        // The page has left, and hears no answer.
      }
    });
  },
  async select({ selector, value }) {
    await page.locator(selector).selectOption(value);
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
  async back() {
    await page.goBack();
  },
  async reload() {
    await page.reload();
    await page.locator('.pill[data-state=live]').waitFor();
  },
  /** The part of the address below `/dashboard`. */
  address() {
    return page.url().replace(/^.*\/dashboard/, '');
  },
  async untilAddress({ address }) {
    await page.waitForURL((url) => url.href.replace(/^.*\/dashboard/, '') === address);
  },
  async hover({ selector }) {
    await page.locator(selector).first().hover();
  },
  async check({ selector }) {
    await page.locator(selector).first().check();
  },
  count({ selector }) {
    return page.locator(selector).count();
  },
  value({ selector }) {
    return page.locator(selector).first().inputValue();
  },
  texts({ selector }) {
    return page.locator(selector).allTextContents();
  },
  /** The computed style of an element. */
  style({ selector, name }) {
    return page.locator(selector).first().evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), name);
  },
  /** Where elements are in the window, and whether their text is cut. */
  places({ selector }) {
    return page.locator(selector).evaluateAll((elements) =>
      elements.map((element) => {
        const { left, right, top, width } = element.getBoundingClientRect();
        return { left, right, top, width, isCut: element.scrollWidth > element.clientWidth };
      }),
    );
  },
  attribute({ selector, name }) {
    return page.locator(selector).first().getAttribute(name);
  },
  focused() {
    return page.evaluate(() => document.activeElement?.textContent);
  },
  async untilBatch({ id, status }) {
    await page.locator(`main [data-id="${id}"][data-status=${status}]`).first().waitFor();
  },
  /** Returns the figures of a batch in the list of batches. */
  row({ id }) {
    return page.locator(`tr[data-id="${id}"]`).evaluate((row) => ({
      status: row.dataset.status,
      outcomes: row.querySelector('.split').getAttribute('aria-label'),
      widths: [...row.querySelectorAll('.split i')].map((part) => part.getBoundingClientRect().width),
      done: row.querySelector('.done').textContent,
      lost: row.querySelector('.lost').textContent,
      buttons: [...row.querySelectorAll('.act button')].map((button) => button.textContent),
    }));
  },
  /** Returns the page's events, from its own download. */
  async events() {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as JSON lines' }).click()]);
    return readFileSync(await download.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  },
  /** Returns the text of a file that the page saves after a click. */
  async download({ selector }) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(selector).first().click()]);
    return readFileSync(await download.path(), 'utf8');
  },
  async untilEvents({ count }) {
    await page.waitForFunction((count) => Number(document.querySelector('[data-total]').dataset.total) >= count, count);
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
  /** Makes the page believe that its tab is hidden, or shown. */
  async hide({ isHidden }) {
    await page.evaluate((isHidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  },
  /** Returns the pixels by which the page is wider than the window. */
  overflow() {
    return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  },
  /** Starts to count the feed's drawings and its most rows. */
  async watchFrames() {
    await page.evaluate(() => {
      globalThis.frames_ = { rows: 0, drawings: 0 };
      const feed = document.querySelector('.feed tbody');
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
    const completed = new Set(record.sent.filter(({ type }) => type === 'complete').map(({ id }) => id));
    return {
      foreign,
      errors,
      sockets,
      dialogs,
      after: asked.filter(({ payload }) => payload.query.includes('DashboardEvents')).map(({ payload }) => payload.variables.after),
      /** The names of the subscriptions that the page has not ended. */
      open: asked.filter(({ id }) => !completed.has(id)).map(({ payload }) => /subscription (\w+)/.exec(payload.query)[1]),
      posts: record.authorizations.length,
      /** The subscriptions that the server refused. */
      refused: record.received.filter(({ type }) => type === 'error'),
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
