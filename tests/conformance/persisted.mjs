/**
 * Persisted queries by Apollo Client and urql, and trusted documents of graphql-codegen's client preset.
 *
 *     node persisted.mjs automatic http://127.0.0.1:8000/graphql
 *     node persisted.mjs trusted http://127.0.0.1:8000/graphql persisted-documents.json   (a server with this manifest alone)
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client as Urql, fetchExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [mode, url, manifest] = process.argv.slice(2);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Requests since the last call: their methods, whether they have a text, and the statuses of the responses. */
let requests = [];
const taken = () => requests.splice(0);

async function recorded(input, init = {}) {
  const response = await fetch(input, init);
  const isGet = (init.method ?? "GET") === "GET";
  const sent = isGet ? Object.fromEntries(new URL(input).searchParams) : JSON.parse(init.body);
  requests.push(`${isGet ? "GET" : "POST"} ${sent.query ? "text" : "hash"} ${response.status}`);
  return response;
}

const webSockets = () => createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 0 });

function apollo(options) {
  const link = new PersistedQueryLink({ sha256, ...options });
  return new ApolloClient({ link: ApolloLink.from([link, new HttpLink({ uri: url, fetch: recorded })]), cache: new InMemoryCache() });
}

async function apolloAutomatic() {
  const query = gql`query ApolloNames { analyzers { id name } }`;
  const client = apollo({ useGETForHashedQueries: true });
  const ask = async () => (await client.query({ query, fetchPolicy: "network-only" })).data.analyzers[0].name;
  assert.equal(await ask(), "text");
  assert.deepEqual(taken(), ["GET hash 200", "POST text 200"]);
  assert.equal(await ask(), "text");
  assert.deepEqual(taken(), ["GET hash 200"]);

  const mutation = gql`mutation ApolloRetry($id: ID!) { retryAnalysis(input: { id: $id }) { userErrors { code } } }`;
  for (const expected of [["POST hash 200", "POST text 200"], ["POST hash 200"]]) {
    const { data } = await client.mutate({ mutation, variables: { id: "analysis_00000000000000000000000000" } });
    assert.equal(data.retryAnalysis.userErrors[0].code, "NOT_FOUND");
    assert.deepEqual(taken(), expected);
  }

  // A subscription in a multipart response, whose unknown hash is answered as plain JSON.
  const events = gql`subscription ApolloHealth { metrics(intervalSeconds: 1) { health { status } } }`;
  for (const expected of [["GET hash 200", "POST text 200"], ["GET hash 200"]]) {
    const status = await new Promise((resolve, reject) => {
      const subscription = client.subscribe({ query: events, context: { queryDeduplication: false } }).subscribe({
        next: ({ data, error }) => {
          if (error) return reject(error);
          setTimeout(() => subscription.unsubscribe());
          resolve(data.metrics.health.status);
        },
        error: reject,
      });
    });
    assert.match(status, /^[A-Z]+$/);
    assert.deepEqual(taken(), expected);
  }

  // Over WebSocket, Apollo Client sends text and hash.
  const sockets = webSockets();
  const live = new ApolloClient({
    link: ApolloLink.from([new PersistedQueryLink({ sha256 }), new GraphQLWsLink(sockets)]),
    cache: new InMemoryCache(),
  });
  assert.equal((await live.query({ query, fetchPolicy: "network-only" })).data.analyzers[0].name, "text");
  await sockets.dispose();
  console.log("Apollo Client: automatic persisted queries ok");
}

async function urqlAutomatic() {
  const sockets = webSockets();
  const client = new Urql({
    url,
    fetch: recorded,
    preferGetMethod: false,
    exchanges: [
      persistedExchange({ enableForMutation: true, enableForSubscriptions: true }),
      subscriptionExchange({
        // graphql-ws demands a text: an empty one counts as none.
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ ...request, query: request.query ?? "" }, sink) }),
        }),
      }),
      fetchExchange,
    ],
  });
  const query = "query UrqlNames { analyzers { id name } }";
  for (const expected of [["GET hash 200", "GET text 200"], ["GET hash 200"]]) {
    const { data, error } = await client.query(query, {}).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.analyzers[0].name, "text");
    assert.deepEqual(taken(), expected);
  }
  const mutation = "mutation UrqlRetry($id: ID!) { retryAnalysis(input: { id: $id }) { userErrors { code } } }";
  for (const expected of [["POST hash 200", "POST text 200"], ["POST hash 200"]]) {
    const { data } = await client.mutation(mutation, { id: "analysis_00000000000000000000000000" }).toPromise();
    assert.equal(data.retryAnalysis.userErrors[0].code, "NOT_FOUND");
    assert.deepEqual(taken(), expected);
  }
  for (let again = 0; again < 2; again++) {
    const health = "subscription UrqlHealth { metrics(intervalSeconds: 1) { health { status } } }";
    const result = await new Promise((resolve) => {
      const { unsubscribe } = client.subscription(health, {}).subscribe((each) => {
        setTimeout(() => unsubscribe());
        resolve(each);
      });
    });
    assert.equal(result.error, undefined);
    assert.match(result.data.metrics.health.status, /^[A-Z]+$/);
  }
  await sockets.dispose();
  console.log("urql: automatic persisted queries ok");
}

async function trusted() {
  const [[key, text]] = Object.entries(JSON.parse(readFileSync(manifest, "utf8"))).filter(([, each]) => /^query ListAnalyzers/.test(each));
  const post = async (body) =>
    (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json();
  assert.equal((await post({ documentId: key })).data.analyzers[0].name, "text");

  // As codegen's guides do: urql and Apollo Client take the hash of the generated document.
  const document = gql(text);
  const client = apollo({ sha256: undefined, generateHash: () => key, useGETForHashedQueries: true });
  assert.equal((await client.query({ query: document })).data.analyzers[0].name, "text");
  assert.deepEqual(taken(), ["GET hash 200"]);
  const other = gql`query Other { eventsEnd }`;
  const refusal = await apollo().query({ query: other }).then(() => undefined, (error) => error);
  assert.equal(refusal.errors[0].extensions.code, "QUERY_NOT_IN_SAFELIST");
  assert.deepEqual(taken(), ["POST hash 400"]); // no second request with the text

  const exchanges = [persistedExchange({ enforcePersistedQueries: true, generateHash: async () => key }), fetchExchange];
  const { data, error } = await new Urql({ url, fetch: recorded, exchanges }).query(text, {}).toPromise();
  assert.equal(error, undefined);
  assert.equal(data.analyzers[0].name, "text");
  console.log("trusted documents ok");
}

if (mode === "automatic") {
  await apolloAutomatic();
  await urqlAutomatic();
} else {
  await trusted();
}
console.log("all ok");
