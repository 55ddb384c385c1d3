/* Fails if the schema has a breaking change that CHANGELOG.md does not name.

   node breaking-changes.mjs [BASE.graphql NEW.graphql CHANGELOG.md]

   Without arguments the new schema is schema/schema.graphql of the work tree, and the base is that file
   1. at the commit in ASSAY_SCHEMA_BASE, if set;
   2. else at the last release, the newest tag v* that HEAD descends from;
   3. else at the merge base with origin/main, if this branch has commits of its own;
   4. else at the newest commit whose schema differs from the new one.
   Without any of these (a new checkout, a clone of one commit), nothing is compared.

   A breaking change is accepted when the heading "Breaking" of the changelog's section "Unreleased" names its schema
   coordinate in backquotes: `Query.analysis`, `Query.analysis(id:)`, `AnalysisStatus.QUEUED`, `Analysis`. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const PATH = "schema/schema.graphql";

function git(...args) {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

let root = process.cwd();
root = git("rev-parse", "--show-toplevel") ?? fileURLToPath(new URL("../..", import.meta.url));

function fileAt(commit) {
  const text = git("show", `${commit}:${PATH}`);
  return text ? { text, name: `${commit} (${git("log", "-1", "--format=%h %s", commit)})` } : null;
}

function base(now) {
  const wanted = process.env.ASSAY_SCHEMA_BASE;
  if (wanted) {
    const file = fileAt(wanted);
    if (!file) throw new Error(`ASSAY_SCHEMA_BASE: ${wanted} has no ${PATH}`);
    return file;
  }
  const tag = git("describe", "--tags", "--abbrev=0", "--match", "v*");
  if (tag) return fileAt(tag);
  const left = git("merge-base", "HEAD", "origin/main");
  if (left && left !== git("rev-parse", "HEAD")) return fileAt(left);
  const commits = git("log", "--format=%H", "--", PATH)?.split("\n").filter(Boolean) ?? [];
  for (const commit of commits) {
    const file = fileAt(commit);
    if (file && file.text !== now.trim()) return file;
  }
  return null;
}

/* Returns the forms of a schema coordinate for the inspector's path (`Query.analysis.id`). */
function coordinates(path) {
  const [type, field, argument] = path.split(".");
  if (!argument) return [path, field ? `${type}.${field}` : type];
  return [path, `${type}.${field}(${argument}:)`];
}

function namedAsBreaking(changelog) {
  const unreleased = changelog.split(/^## /m).find((part) => /^\[?unreleased\]?/i.test(part)) ?? "";
  const breaking = unreleased.split(/^### /m).find((part) => /^breaking/i.test(part)) ?? "";
  return new Set([...breaking.matchAll(/`([^`]+)`/g)].map((match) => match[1]));
}

const [baseFile, newFile, changelogFile] = process.argv.slice(2);
const now = readFileSync(newFile ?? `${root}/${PATH}`, "utf8");
const before = baseFile ? { text: readFileSync(baseFile, "utf8"), name: baseFile } : base(now);
if (!before) {
  console.log(`no earlier ${PATH} to compare with`);
  process.exit(0);
}

let changelog = "";
try {
  changelog = readFileSync(changelogFile ?? `${root}/CHANGELOG.md`, "utf8");
} catch {
  // Without a changelog, no change is named.
}
const named = namedAsBreaking(changelog);
const changes = await diff(buildSchema(before.text), buildSchema(now));
const breaking = changes.filter((change) => change.criticality.level === CriticalityLevel.Breaking);
const unnamed = breaking.filter((change) => !coordinates(change.path ?? "").some((form) => named.has(form)));

console.log(`${changes.length} changes since ${before.name}, ${breaking.length} of them breaking`);
for (const change of breaking) {
  console.log(`${unnamed.includes(change) ? "NOT NAMED" : "named    "} ${coordinates(change.path ?? "").at(-1)}: ${change.message}`);
}
if (unnamed.length > 0) {
  console.log('These changes break clients: revert them, or name each coordinate under "### Breaking" in CHANGELOG.md\'s Unreleased section.');
  process.exitCode = 1;
}
