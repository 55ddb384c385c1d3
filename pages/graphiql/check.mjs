/**
 * Compares web/static/graphiql with a new build of these sources, byte for byte, and checks the types and
 * the saved examples. `npm run check`, or `node pages/graphiql/check.mjs` from any folder; installs the packages if necessary.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, '../../web/static/graphiql');
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

async function wrongExamples() {
  const { buildSchema, getVariableValues, parse, TypeInfo, validate, visit, visitWithTypeInfo } = await import('graphql');
  const { createServer } = await import('vite');
  const vite = await createServer({ root: here, server: { middlewareMode: true, ws: false }, logLevel: 'error' });
  const { EXAMPLES, WELCOME } = await vite.ssrLoadModule('/src/examples.ts');
  await vite.close();
  const schema = buildSchema(readFileSync(sdl, 'utf8'));
  /** Clients with a normalized cache need the id of each object. */
  function withoutId(document) {
    const found = [];
    const types = new TypeInfo(schema);
    const SelectionSet = ({ selections }, _key, parent) => {
      if (parent.kind === 'InlineFragment') return; // the field around it selects the id
      const fields = types.getParentType()?.getFields?.() ?? {};
      if ('id' in fields && !selections.some((each) => each.name?.value === 'id')) {
        found.push({ message: `A selection of ${types.getParentType()} lacks id.` });
      }
    };
    visit(document, visitWithTypeInfo(types, { SelectionSet }));
    return found;
  }
  return [{ title: 'the welcome', query: WELCOME }, ...EXAMPLES].flatMap(({ title, query, variables }) => {
    const document = parse(query);
    const { variableDefinitions = [] } = document.definitions[0];
    const values = getVariableValues(schema, variableDefinitions, variables?.({}) ?? {});
    return [...validate(schema, document), ...withoutId(document), ...(values.errors ?? [])].map((error) => `${title}: ${error.message}`);
  });
}

const wrong = [];
const built = mkdtempSync(join(tmpdir(), 'assay-graphiql-'));
try {
  if (!isInstalled()) run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
  run('npx', '--no-install', 'tsc', '--noEmit');
  run('npx', '--no-install', 'vite', 'build', '--logLevel=error', '--outDir', built);
  const stale = differences(built, committed);
  if (stale.length) {
    wrong.push(`web/static/graphiql is out of date. Run "npm run build" in pages/graphiql and commit the result.`);
    wrong.push(...stale.map((name) => `  differs: ${name}`));
  }
  wrong.push(...(await wrongExamples()));
} finally {
  rmSync(built, { recursive: true });
}
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log('GraphiQL: the committed build is up to date, types and examples are valid.');
