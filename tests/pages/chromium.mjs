/**
 * A page in Debian's Chromium that reaches only this machine, and a record of its traffic and errors.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/**
 * Opens a browser with a new profile. `record` has requests to other origins, errors and warnings of the console, responses
 * with a status of 400 or more, and the frames of WebSockets.
 */
export async function launch(origin) {
  const profile = mkdtempSync(join(tmpdir(), 'assay-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  const record = { foreign: [], errors: [], authorizations: [], sockets: [], sent: [], received: [] };
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(120_000); // on a busy machine, waits can take long
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) record.foreign.push(url);
    if (request.method() === 'POST') record.authorizations.push(request.headers()['authorization'] ?? null);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) record.errors.push(`${response.status()} ${response.url()}`);
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) record.errors.push(message.text());
  });
  page.on('pageerror', (error) => record.errors.push(String(error)));
  page.on('websocket', (socket) => {
    record.sockets.push(socket.url());
    socket.on('framesent', ({ payload }) => record.sent.push(JSON.parse(payload)));
    socket.on('framereceived', ({ payload }) => record.received.push(JSON.parse(payload)));
  });
  async function close() {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
  return { page, record, close };
}
