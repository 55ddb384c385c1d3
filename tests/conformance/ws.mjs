/* Runs npm's graphql-ws client against a running server.

   node ws.mjs URL              queries, mutations, subscriptions, errors, cancel, ping and pong

   follow.mjs tests how the client resumes. */
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node ws.mjs ws://HOST:PORT/graphql");
  process.exit(2);
}

const DEADLINE_MS = 150_000;
setTimeout(() => {
  console.error(`not done within ${DEADLINE_MS / 1000} s: ${current}`);
  process.exit(1);
}, DEADLINE_MS).unref();

let current = "start";
async function step(name, run) {
  current = name;
  await run();
  console.log(`ok ${name}`);
}

function connect(options = {}) {
  return createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazyCloseTimeout: 0, ...options });
}

/* Returns the first result of an operation, with its errors. */
async function once(client, query, variables) {
  for await (const answer of client.iterate({ query, variables })) return answer;
  throw new Error("the operation ended without an answer");
}

async function all(client, query, variables) {
  const answers = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  return answers;
}

const SUBMIT = `mutation Submit($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status result { summary } } userErrors { code message path } }
}`;
const BATCH = `mutation Batch($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id totalItems } userErrors { code message path } }
}`;
const item = (text) => ({ request: { text: { text, operations: ["STATISTICS"] } } });

async function basics() {
  const client = connect({ lazy: false });

  await step("a query", async () => {
    const { data, errors } = await once(client, "query Names { analyzers { name } }");
    assert.equal(errors, undefined);
    assert.ok(data.analyzers.some((analyzer) => analyzer.name === "text"));
  });

  let id;
  await step("a mutation", async () => {
    const { data, errors } = await once(client, SUBMIT, { input: { ...item("Wine is bottled poetry."), waitSeconds: 30 } });
    assert.equal(errors, undefined);
    assert.deepEqual(data.submitAnalysis.userErrors, []);
    assert.equal(data.submitAnalysis.analysis.status, "COMPLETED");
    id = data.submitAnalysis.analysis.id;
  });

  await step("user errors are data", async () => {
    const { data, errors } = await once(client, SUBMIT, { input: { ...item("x"), priority: 11 } });
    assert.equal(errors, undefined);
    assert.equal(data.submitAnalysis.analysis, null);
    assert.equal(data.submitAnalysis.userErrors[0].code, "INVALID");
    assert.deepEqual(data.submitAnalysis.userErrors[0].path, ["priority"]);
  });

  await step("a subscription to a finished analysis yields it once and ends", async () => {
    const answers = await all(client, "subscription A($id: ID!) { analysis(id: $id) { id status } }", { id });
    assert.deepEqual(answers, [{ data: { analysis: { id, status: "COMPLETED" } } }]);
  });

  await step("a subscription follows a batch to its end", async () => {
    const { data } = await once(client, BATCH, { input: { items: Array.from({ length: 50 }, (_, n) => item(`Number ${n}.`)) } });
    const answers = await all(client, "subscription B($id: ID!) { batch(id: $id) { status totalItems processed } }", {
      id: data.batchProcess.batch.id,
    });
    const seen = answers.map((answer) => answer.data.batch.processed);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
    assert.deepEqual(answers.at(-1), { data: { batch: { status: "COMPLETED", totalItems: 50, processed: 50 } } });
  });

  await step("two operations at once on one socket", async () => {
    const both = await Promise.all([once(client, "{ health { status } }"), once(client, "{ analyzers { name } }")]);
    assert.ok(both[0].data.health.status);
    assert.ok(both[1].data.analyzers.length > 0);
  });

  await step("a subscription that the client ends", async () => {
    const stream = client.iterate({ query: "subscription M { metrics(intervalSeconds: 0.5) { timestamp } }" });
    const first = await stream.next();
    const second = await stream.next();
    assert.ok(second.value.data.metrics.timestamp > first.value.data.metrics.timestamp);
    await stream.return();
    assert.ok((await once(client, "{ health { status } }")).data.health.status, "the socket stays open");
  });

  await step("a document that does not parse, one that is not valid, a variable that does not fit", async () => {
    for (const [query, variables, code] of [
      ["{ analyzers {", undefined, "GRAPHQL_PARSE_FAILED"],
      ["{ analyzers { nosuch } }", undefined, "GRAPHQL_VALIDATION_FAILED"],
      ["query Q($id: ID!) { analysis(id: $id) { id } }", { id: {} }, "BAD_USER_INPUT"],
    ]) {
      const refusal = await once(client, query, variables).then(
        (answer) => answer.errors,
        (errors) => errors,
      );
      assert.ok(Array.isArray(refusal), `${query}: ${refusal}`);
      assert.equal(refusal[0].extensions.code, code);
    }
    assert.ok((await once(client, "{ health { status } }")).data.health.status, "the socket stays open");
  });

  await step("a malformed id", async () => {
    const { errors } = await once(client, 'subscription { analysis(id: "nonsense") { id } }').catch((thrown) => ({ errors: thrown }));
    assert.equal(errors[0].extensions.code, "BAD_USER_INPUT");
  });

  await client.dispose();

  await step("ping and pong", async () => {
    const heard = deferred();
    const pinging = connect({ lazy: false, keepAlive: 50, on: { pong: (received) => received && heard.resolve() } });
    await heard.promise;
    await pinging.dispose();
  });
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

try {
  await basics();
  console.log("all ok");
  process.exit(0);
} catch (problem) {
  console.error(`failed at: ${current}`);
  console.error(problem);
  process.exit(1);
}
