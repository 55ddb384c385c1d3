/**
 * Compares web/static/dashboard with a new build of these sources, byte for byte, and checks the types and
 * the operations. `npm run check`, or `node pages/dashboard/check.mjs` from any folder; installs the packages if necessary.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, '../../web/static/dashboard');
const sdl = join(here, '../../schema/schema.graphql');

function run(command, ...args) {
  execFileSync(command, args, { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** npm writes this file last: if it is older than the lock file, another version is installed. */
function isInstalled() {
  const written = join(here, 'node_modules/.package-lock.json');
  return existsSync(written) && statSync(written).mtimeMs >= statSync(join(here, 'package-lock.json')).mtimeMs;
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function differences(expected, actual) {
  const names = new Set([...files(expected), ...(existsSync(actual) ? files(actual) : [])]);
  return [...names].filter((name) => {
    const [a, b] = [join(expected, name), join(actual, name)];
    return !existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b));
  });
}

async function wrongOperations() {
  const { buildSchema, parse, validate } = await import('graphql');
  const { createServer } = await import('vite');
  const vite = await createServer({ root: here, server: { middlewareMode: true, ws: false }, logLevel: 'error' });
  const { DOCUMENTS } = await vite.ssrLoadModule('/src/operations.ts');
  await vite.close();
  const schema = buildSchema(readFileSync(sdl, 'utf8'));
  return Object.entries(DOCUMENTS).flatMap(([name, document]) =>
    validate(schema, parse(document)).map((error) => `${name}: ${error.message}`),
  );
}

const wrong = [];
const built = mkdtempSync(join(tmpdir(), 'assay-dashboard-'));
try {
  if (!isInstalled()) run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
  run('npx', '--no-install', 'tsc', '--noEmit');
  run('npx', '--no-install', 'vite', 'build', '--logLevel=error', '--outDir', built);
  const stale = differences(built, committed);
  if (stale.length) {
    wrong.push(`web/static/dashboard is out of date. Run "npm run build" in pages/dashboard and commit the result.`);
    wrong.push(...stale.map((name) => `  differs: ${name}`));
  }
  wrong.push(...(await wrongOperations()));
} finally {
  rmSync(built, { recursive: true });
}
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log('Live page: the committed build is up to date, types and operations are valid.');
