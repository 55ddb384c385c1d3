/**
 * Compares web/static/dashboard with a new build of these sources, byte for byte, and src/data/gql with newly generated types.
 * Checks types, operations, imports and sizes, and runs the unit tests. `npm run check`, or `node pages/dashboard/check.mjs`
 * from any folder; installs the packages if necessary.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, '../../web/static/dashboard');
const sdl = join(here, '../../schema/schema.graphql');
/** The most kilobytes (of 1,000 bytes, gzip level 9) of the files that every page loads, of one other file, and of all. */
const BUDGET = { js: 55, css: 8, chunk: 20, all: 300 };
/** The folders of src from which the files of a folder may import, besides their own. */
const LAYERS = {
  theme: [],
  data: [],
  ui: ['data'],
  results: ['data', 'ui'],
  features: ['data', 'ui', 'results'],
  frame: ['data', 'ui'],
};

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

const kilobytes = (file) => gzipSync(readFileSync(file), { level: 9 }).length / 1000;

function oversized(folder) {
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  const assets = files(join(folder, 'assets')).map((name) => ({ name, size: kilobytes(join(folder, 'assets', name)), isFirst: page.includes(name) }));
  const sum = (chosen) => chosen.reduce((all, { size }) => all + size, 0);
  const first = (end) => sum(assets.filter(({ name, isFirst }) => isFirst && name.endsWith(end)));
  const limits = [
    ['the JavaScript of the first load', first('.js'), BUDGET.js],
    ['the CSS of the first load', first('.css'), BUDGET.css],
    ['all files', sum(assets), BUDGET.all],
    ...assets.filter(({ isFirst }) => !isFirst).map(({ name, size }) => [name, size, BUDGET.chunk]),
  ];
  return limits.filter(([, size, most]) => size > most).map(([what, size, most]) => `Too large: ${what}, ${size.toFixed(1)} of at most ${most} kB.`);
}

/** Imports that point up, or from one feature into another. */
function wrongImports() {
  const src = join(here, 'src');
  return files(src).filter((name) => /\.tsx?$/.test(name) && name.includes('/')).flatMap((name) => {
    const [layer, feature] = name.split('/');
    const named = [...readFileSync(join(src, name), 'utf8').matchAll(/(?:from|import|import\() ?'(\.[^']+)'/g)].map(([, target]) => target);
    return named.flatMap((target) => {
      const [other, into] = relative(src, resolve(src, dirname(name), target)).split('/');
      const isShared = other === 'feature' || (layer === 'frame' && other === 'routes');
      const isOutside = other === '..'; // pages/shared
      const isOwn = other === layer && (layer !== 'features' || into === feature);
      return isShared || isOutside || isOwn || LAYERS[layer]?.includes(other) ? [] : [`${name} imports ${target}: ${layer} may import ${LAYERS[layer]?.join(', ') || 'nothing'}.`];
    });
  });
}

async function wrongOperations() {
  const { buildSchema, parse, validate } = await import('graphql');
  const { createServer } = await import('vite');
  const vite = await createServer({ root: here, server: { middlewareMode: true, ws: false }, logLevel: 'error' });
  const { DOCUMENTS } = await vite.ssrLoadModule('/src/data/operations.ts');
  await vite.close();
  const schema = buildSchema(readFileSync(sdl, 'utf8'));
  return Object.entries(DOCUMENTS).flatMap(([name, document]) =>
    validate(schema, parse(document)).map((error) => `${name}: ${error.message}`),
  );
}

/** Generates the types into the folder. The committed ones are the same. */
function staleTypes(folder) {
  const configuration = readFileSync(join(here, 'codegen.yml'), 'utf8');
  const moved = configuration
    .replace('src/data/gql/:', `${folder}/:`)
    .replaceAll('../../schema', join(here, '../../schema'))
    .replace('src/**', `${here}/src/**`);
  const file = join(folder, 'codegen.yml');
  writeFileSync(file, moved);
  run('npx', '--no-install', 'graphql-codegen', '--silent', '--config', file);
  rmSync(file);
  return differences(folder, join(here, 'src/data/gql')).map((name) => `src/data/gql/${name} is out of date. Run "npm run codegen".`);
}

const wrong = [];
if (!isInstalled()) run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'); // it empties node_modules first
const built = mkdtempSync(join(tmpdir(), 'assay-dashboard-'));
const generated = mkdtempSync(join(here, 'node_modules/.gql-'));
try {
  run('npx', '--no-install', 'tsc', '--noEmit');
  run('npx', '--no-install', 'vite', 'build', '--logLevel=error', '--outDir', built);
  const stale = differences(built, committed);
  if (stale.length) {
    wrong.push(`web/static/dashboard is out of date. Run "npm run build" in pages/dashboard and commit the result.`);
    wrong.push(...stale.map((name) => `  differs: ${name}`));
  }
  wrong.push(...oversized(built), ...wrongImports(), ...staleTypes(generated), ...(await wrongOperations()));
  run('npx', '--no-install', 'vitest', 'run', '--reporter=dot');
} finally {
  rmSync(built, { recursive: true });
  rmSync(generated, { recursive: true });
}
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log('Pages: the committed build is up to date; types, operations, imports and sizes are valid.');
