/* Runs a client from npm that follows subscriptions, against a running server.

   node follow.mjs URL CLIENT           queries, mutations, subscriptions, errors, cancel
   node follow.mjs URL CLIENT resume    a stream of events across a crash and a restart of the server. The script prints
                                        KILL and STOP. The caller then ends the server that way and starts it again.
                                        After both, the caller closes standard input. The client resumes by itself.
   node follow.mjs URL CLIENT away      a stream of events after the cursor in AFTER. It starts while the server's
                                        database is unreachable, and has its first event when the database is back. */
import assert from "node:assert/strict";
import { followers } from "./followers.mjs";

const [url, name, scenario = "basics"] = process.argv.slice(2);
if (!url || !followers[name]) {
  console.error(`usage: node follow.mjs http://HOST:PORT/graphql ${Object.keys(followers).join("|")} [basics|resume|away]`);
  process.exit(2);
}

const DEADLINE_MS = 150_000;
setTimeout(() => {
  console.error(`not done within ${DEADLINE_MS / 1000} s: ${current}`);
  process.exit(1);
}, DEADLINE_MS).unref();

let current = "start";
async function step(title, run) {
  current = title;
  await run();
  console.log(`ok ${title}`);
}

const BATCH = `mutation Batch($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id totalItems } userErrors { code message path } }
}`;
const LOG = `query Log($filter: EventFilter, $after: String) {
  events(filter: $filter, first: 100, after: $after) {
    nodes { cursor type subjectId occurredAt } pageInfo { hasNextPage endCursor }
  }
}`;
const EVENTS = `subscription Events($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) { cursor type subjectId occurredAt }
}`;
const WATCH = `subscription Watch($id: ID!) { batch(id: $id) { status totalItems processed } }`;

const item = (text) => ({ request: { text: { text, operations: ["STATISTICS"] } } });
const without = ({ __typename, ...rest }) => rest;

async function submit(input) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: BATCH, variables: { input } }),
  });
  const { data } = await answer.json();
  assert.deepEqual(data.batchProcess.userErrors, []);
  return data.batchProcess.batch.id;
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

async function basics(client) {
  await step("a query", async () => {
    const { data, errors } = await client.run("query Names { analyzers { name } }", {});
    assert.ok(!errors?.length);
    assert.ok(data.analyzers.some((analyzer) => analyzer.name === "text"));
  });

  await step("a document that is not valid", async () => {
    const { errors } = await client.run("query Names { nosuch }", {});
    assert.deepEqual(errors.map((error) => error.extensions.code), ["GRAPHQL_VALIDATION_FAILED"]);
  });

  if (name !== "event-source") {
    await step("a mutation", async () => {
      const { data, errors } = await client.run(BATCH, { input: { items: [item("All is well.")] } });
      assert.ok(!errors?.length);
      assert.equal(data.batchProcess.batch.totalItems, 1);
    });
  }

  const id = await submit({ items: Array.from({ length: 50 }, (_, n) => item(`Number ${n}.`)) });

  await step("a subscription follows a batch to its end", async () => {
    const seen = [];
    const ended = deferred();
    const done = ({ status }) => status === "COMPLETED" && ended.resolve();
    client.follow(WATCH, { id }, {
      next({ data, errors }) {
        if (errors?.length) return ended.reject(errors);
        if (data) seen.push(without(data.batch));
        if (data) done(data.batch);
      },
      error: ended.reject,
      complete: () => {},
    });
    await ended.promise;
    assert.deepEqual(seen.at(-1), { status: "COMPLETED", totalItems: 50, processed: 50 });
    const processed = seen.map((batch) => batch.processed);
    assert.deepEqual(processed, processed.toSorted((a, b) => a - b));
  });

  await step("a subscription that is refused", async () => {
    const refused = deferred();
    client.follow(WATCH, { id: "nonsense" }, {
      next: ({ errors }) => errors?.length && refused.resolve(errors),
      error: (thrown) => refused.resolve(thrown.errors ?? thrown),
      complete: () => refused.reject(new Error("it completed")),
    });
    assert.equal((await refused.promise)[0].extensions.code, "BAD_USER_INPUT");
  });

  await step("a subscription that the client ends", async () => {
    const active = async () => {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"query":"{ metrics { subscriptions { active } } }"}',
      });
      return (await answer.json()).data.metrics.subscriptions.active;
    };
    const first = deferred();
    const stop = client.follow("subscription M { metrics(intervalSeconds: 0.5) { timestamp } }", {}, {
      next: first.resolve,
      error: first.reject,
      complete: () => {},
    });
    assert.ok((await first.promise).data.metrics.timestamp);
    while ((await active()) !== 1) await new Promise((resolve) => setTimeout(resolve, 20)); // the earlier ones are ending
    stop();
    while (await active()) await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

/* After each third of the batch the server ends, first killed and then stopped, and is started again. */
async function resume(client) {
  const ITEMS = 90;
  const LONG = "The harbour was quiet, and the ships lay still under a pale sky. ".repeat(300); // so that the analysis takes long
  const ENDS = ["KILL", "STOP"];
  const items = Array.from({ length: ITEMS }, (_, n) => ({ request: { text: { text: `${n} ${LONG}` } } }));
  const batchId = await submit({ items, timeoutSeconds: 300 });
  // All types of events except progress, which may be merged.
  const types = ["QUEUED", "STARTED", "RETRYING", "COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"].map((type) => `ANALYSIS_${type}`);
  const filter = { batchId, types: [...types, "BATCH_STARTED", "BATCH_COMPLETED"] };
  const { data: beginning } = await client.run(
    "query First($filter: EventFilter) { events(filter: $filter, first: 1) { nodes { cursor type subjectId occurredAt } } }",
    { filter },
  );
  const [firstEvent] = beginning.events.nodes.map(without);

  const events = [firstEvent];
  const ended = deferred();
  let completed = 0;
  let ends = 0;
  const stop = client.follow(EVENTS, { filter, after: firstEvent.cursor }, {
    next({ data, errors }) {
      if (errors?.length) return ended.reject(errors);
      const event = without(data.events);
      events.push(event);
      completed += event.type === "ANALYSIS_COMPLETED";
      if (ends < ENDS.length && completed === Math.floor(((ends + 1) * ITEMS) / (ENDS.length + 1))) {
        console.log(ENDS[ends]);
        ends += 1;
      }
      if (event.type === "BATCH_COMPLETED") ended.resolve();
    },
    error: ended.reject,
    complete: () => ended.reject(new Error("the stream of events ended")),
  });
  await ended.promise;
  stop();
  for await (const _ of process.stdin); // until the caller has restarted the server

  await step(`${ITEMS} items over ${ENDS.length} ends of the server: the same events as the log, without gaps or duplicates`, async () => {
    assert.equal(ends, ENDS.length);
    assert.equal(completed, ITEMS);
    const logged = [];
    for (let after = null; ; ) {
      const { data } = await client.run(LOG, { filter, after });
      logged.push(...data.events.nodes.map(without));
      if (!data.events.pageInfo.hasNextPage) break;
      after = data.events.pageInfo.endCursor;
    }
    assert.deepEqual(events, logged);
  });
}

async function away(client) {
  await step("a subscription that the server can't begin yet", async () => {
    const first = deferred();
    const stop = client.follow(EVENTS, { after: process.env.AFTER }, {
      next: ({ data, errors }) => (errors?.length ? first.reject(errors) : first.resolve(data.events)),
      error: first.reject,
      complete: () => first.reject(new Error("the stream of events ended")),
    });
    assert.equal((await first.promise).type, "ANALYSIS_QUEUED");
    stop();
  });
}

const scenarios = { basics, resume, away };
assert.ok(scenarios[scenario], `no scenario ${scenario}`);
try {
  const client = followers[name](url);
  await scenarios[scenario](client);
  await client.close();
  console.log("all ok");
  process.exit(0);
} catch (problem) {
  console.error(`failed at: ${current}`);
  console.error(problem);
  process.exit(1);
}
