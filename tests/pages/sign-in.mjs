/**
 * Signs in to the pages of a closed server, in two tabs, and out again. Prints a report as JSON.
 *
 *     node sign-in.mjs http://127.0.0.1:8000 NAME PASSWORD INVITATION FOLDER
 *
 * The assertions are in tests/pages/test_sign_in.py.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { launch } from './chromium.mjs';

const [origin, name, password, invitation, folder] = process.argv.slice(2);
const { page, record, close } = await launch(origin);
const report = {};
const context = page.context();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const live = (tab) => tab.locator('.pill[data-state=live]').waitFor();
const dialog = (tab) => tab.locator('dialog.sign-in[open]');
const refusal = (tab) => tab.locator('dialog.sign-in [role=alert]:not(:empty)').textContent();

async function fill(tab, given) {
  for (const [field, text] of Object.entries(given)) await dialog(tab).locator(`[name=${field}]`).fill(text);
  await dialog(tab).locator('button[type=submit]').click();
}

async function violations(tab) {
  await tab.evaluate(axe);
  return tab.evaluate(async () => (await window.axe.run()).violations.map(({ id }) => id));
}

try {
  await page.goto(`${origin}/dashboard/queue`);
  await dialog(page).waitFor();
  report.behind = await page.locator('h1').count();
  report.axe = await violations(page);
  await page.screenshot({ path: join(folder, 'sign-in.png') });
  await fill(page, { name, password: 'not the password' });
  report.refusal = await refusal(page);
  await fill(page, { name, password });
  await live(page);
  report.address = page.url();
  report.account = await page.locator('.account').textContent();
  await page.locator('.account').click();
  await page.screenshot({ path: join(folder, 'account.png') });
  await page.keyboard.press('Escape');
  report.kept = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage) + JSON.stringify(sessionStorage)]);
  report.cookies = (await context.cookies(`${origin}/auth/refresh`)).map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path }));

  await page.reload();
  await live(page);
  const other = await context.newPage();
  await other.goto(`${origin}/dashboard/`);
  await live(other);
  const graphiql = await context.newPage();
  await graphiql.goto(`${origin}/graphql`);
  await graphiql.locator('nav button', { hasText: 'Sign out' }).waitFor();

  // A file: a link alone sends no token.
  await page.goto(`${origin}/dashboard/analyses`);
  await live(page);
  await page.locator('button', { hasText: 'Download' }).click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('a[download="analyses.jsonl"]').click()]);
  report.file = [file.suggestedFilename(), readFileSync(await file.path(), 'utf8')];

  // The end of a session in one tab is the end in all.
  await other.locator('.account').click();
  await other.locator('.menu button', { hasText: 'Sign out' }).click();
  for (const tab of [other, page, graphiql]) await dialog(tab).waitFor();
  report.reason = await dialog(page).locator('p').first().textContent();
  await page.screenshot({ path: join(folder, 'signed-out.png') });
  await graphiql.screenshot({ path: join(folder, 'graphiql.png') });
  await fill(graphiql, { name, password });
  for (const tab of [other, page]) await live(tab);
  report.shown = await page.locator('h1').textContent();

  // An invitation.
  await other.locator('.account').click();
  await other.locator('.menu button', { hasText: 'Sign out' }).click();
  await dialog(page).waitFor();
  await page.goto(`${origin}/dashboard/invitation/${invitation}`);
  await dialog(page).waitFor();
  await fill(page, { password: 'a long new password', again: 'another long password' });
  report.differs = await refusal(page);
  await page.screenshot({ path: join(folder, 'invitation.png') });
  await fill(page, { password: 'a long new password', again: 'a long new password' });
  await live(page);
  report.invited = await page.locator('.account').textContent();
} catch (error) {
  report.broken = String(error.stack);
  await page.screenshot({ path: join(folder, 'broken.png') });
}
report.record = { foreign: record.foreign, errors: record.errors };
await close();
console.log(JSON.stringify(report));
