/**
 * Opens GraphiQL in three widths and both color schemes, and from links, and prints a report as JSON.
 *
 *     node graphiql-look.mjs http://127.0.0.1:8000 folder-for-screenshots
 *
 * The assertions are in tests/pages/test_graphiql_look.py.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { launch } from './chromium.mjs';
import { GraphiQL } from './graphiql-page.mjs';

const [origin, pictures] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FORMATTER = /\/(babel|estree|standalone)-/;
const PANELS = ['Examples', 'GraphiQL Explorer', 'Documentation Explorer'];

/** Returns a link to a document. */
function link(query, variables) {
  return `${origin}/graphql#query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}`;
}

async function inBrowser(look) {
  const { page, record, close } = await launch(origin);
  try {
    return { ...(await look(page, new GraphiQL(page, origin))), errors: record.errors, foreign: record.foreign };
  } finally {
    await close();
  }
}

/** Returns axe's findings in both color schemes, all rules included, and the pixels that lie outside the window. */
async function findings(page, name) {
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`.graphiql-query-editor .monaco-editor.${colorScheme === 'dark' ? 'vs-dark' : 'vs'}`).waitFor();
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, nodes } of violations) found.push(`${name} ${colorScheme}: ${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
    const outside = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (outside > 0) found.push(`${name} ${colorScheme}: ${outside} px outside the window`);
  }
  return found;
}

function opened(width, height) {
  return inBrowser(async (page, graphiql) => {
    await page.setViewportSize({ width, height });
    await graphiql.open();
    const [run, editor, response] = await Promise.all(
      [graphiql.runButton, page.locator('.graphiql-query-editor'), page.locator('.graphiql-response')].map((each) => each.boundingBox()),
    );
    const shownPanel = await page.locator('.graphiql-sidebar button.active').getAttribute('aria-label', { timeout: 1000 }).catch(() => null);
    const found = await findings(page, `${width}-opened`);
    await graphiql.openExample('Analyze a text');
    await graphiql.run();
    const panelAfter = await page.locator('.examples').isVisible();
    found.push(...(await findings(page, `${width}-answered`)));
    for (const panel of PANELS) {
      const show = page.getByRole('button', { name: `Show ${panel}` });
      if (await show.isVisible()) await show.click();
      await page.getByRole('button', { name: `Hide ${panel}` }).waitFor();
      if (panel === 'GraphiQL Explorer') await page.locator('.graphiql-explorer-root select[aria-label]').waitFor();
      found.push(...(await findings(page, `${width}-${panel.replace(' ', '-').toLowerCase()}`)));
    }
    return { run, editor, response, shownPanel, panelAfter, found };
  });
}

const report = {
  widths: { 390: await opened(390, 844), 800: await opened(800, 900), 1440: await opened(1440, 900) },
  wide: await inBrowser(async (page, graphiql) => {
    const loaded = [];
    page.on('request', (request) => loaded.push(request.url()));
    await graphiql.open();
    const before = loaded.filter((url) => FORMATTER.test(url));
    await page.locator('.graphiql-query-editor .monaco-editor').first().click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText('query AVeryLongNameOfAnOperation{health{status}}');
    await page.getByRole('button', { name: /^Prettify query/ }).click();
    await page.locator('.graphiql-query-editor .view-line').nth(4).waitFor();
    const formatted = await graphiql.text('operation.graphql');
    await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
    const name = page.getByPlaceholder('Query Name');
    await name.waitFor();
    const cut = await name.evaluate((input) => input.scrollWidth - input.clientWidth);
    const links = await page.locator('header nav a').evaluateAll((all) => all.map((each) => [each.textContent, each.href]));
    // A narrow window opens without the panel that a wide one has stored.
    await page.setViewportSize({ width: 390, height: 844 });
    await graphiql.open();
    const panelsOfNarrow = await page.locator('.graphiql-sidebar button.active').count();
    return { before, after: loaded.filter((url) => FORMATTER.test(url)).length, formatted, cut, links, panelsOfNarrow };
  }),
  links: await inBrowser(async (page, graphiql) => {
    const seen = async () => {
      await page.waitForFunction(() => location.hash === '');
      return { query: await graphiql.text('operation.graphql'), variables: await graphiql.text('variables.json'), tabs: await page.locator('.graphiql-tab').count() };
    };
    const requests = [];
    page.on('request', (request) => requests.push(request.postDataJSON?.()?.operationName));
    await page.goto(link('query First($n: Int) { analyses(first: $n) { totalCount } }', '{"n":1}'));
    await page.locator('.graphiql-query-editor .view-line').first().waitFor();
    const first = await seen();
    const ran = requests.includes('First');
    const answer = await graphiql.run();
    await page.waitForTimeout(800); // GraphiQL stores its tabs after half a second
    await page.evaluate((url) => location.assign(url), link('{ eventsEnd } # 100 % + “more”', ''));
    await page.locator('.graphiql-tab').nth(1).waitFor();
    const second = await seen();
    await page.waitForTimeout(800);
    await page.goto('about:blank');
    await page.goto(link('query Third { health { status } }', 'not JSON'));
    await page.locator('.graphiql-tab').nth(2).waitFor();
    return { first, ran, answer, second, third: await seen(), current: await page.locator('[aria-current=true]').allTextContents() };
  }),
};
console.log(JSON.stringify(report, null, 2));
