/* Runs the 61 audits of GraphQL over HTTP against a server: node http-audit.mjs URL [HEADER:VALUE …] */
import { serverAudits } from "graphql-http";

const [url, ...headers] = process.argv.slice(2);
if (!url) {
  console.error("usage: node http-audit.mjs URL [HEADER:VALUE …]");
  process.exit(2);
}
const extra = Object.fromEntries(headers.map((text) => text.split(/:\s*/, 2)));
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, ...extra } });

const AUDITS = 61; // in graphql-http 1.23.1; a lower count means that some were not run
const counts = {};
let run = 0;
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  run += 1;
  counts[result.status] = (counts[result.status] ?? 0) + 1;
  console.log(`${result.status.padEnd(6)} ${audit.id} ${audit.name}${result.reason ? `: ${result.reason}` : ""}`);
}
console.log(`${counts.ok ?? 0} of ${AUDITS} ok ${JSON.stringify(counts)}`);
process.exitCode = counts.ok === AUDITS && run === AUDITS ? 0 : 1;
