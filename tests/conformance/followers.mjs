/* The clients from npm that can follow a subscription, each with the same three functions:

   run(query, variables)                runs a query or mutation; returns the response with its errors
   follow(query, variables, observer)   starts a subscription that resumes by itself after the last cursor, also after a
                                        lost connection; returns a function that ends it
   close()

   Users can copy the way in which each client resumes: the cursor of the newest event goes into `variables.after`. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { RetryLink } from "@apollo/client/link/retry";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { EventSource } from "eventsource";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { tap } from "rxjs";
import { Client, fetchExchange, subscriptionExchange } from "urql";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // GraphQLWsLink requires it, and Node 20 has none

const WAIT_MS = 200;
const wait = () => new Promise((resolve) => setTimeout(resolve, WAIT_MS));
const webSocketOf = (url) => url.replace(/^http/, "ws");

/* After a reconnect, graphql-ws and graphql-sse send the same request object again: with the newest cursor in it, they
   resume after that cursor. */
function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const request = { ...payload, variables: { ...payload.variables } };
      return client.subscribe(request, {
        ...sink,
        next(answer) {
          const cursor = answer.data?.events?.cursor;
          if (cursor) request.variables.after = cursor;
          sink.next(answer);
        },
      });
    },
  };
}

/* By default the client gives up if the server refuses connections for a while, which has no close code. */
const wsClient = (url) =>
  resuming(
    createWsClient({
      url: webSocketOf(url),
      webSocketImpl: WebSocket,
      retryAttempts: Infinity,
      retryWait: wait,
      shouldRetry: () => true,
    }),
  );

const sseClient = (url) => resuming(createSseClient({ url: `${url}/stream`, retryAttempts: Infinity, retry: wait }));

async function once(client, query, variables) {
  for await (const answer of client.iterate({ query, variables })) return answer;
  throw new Error("the operation ended without an answer");
}

const plain = (client) => ({
  run: (query, variables) => once(client, query, variables).catch(errorsOf),
  follow: (query, variables, observer) => client.subscribe({ query, variables }, observer),
  close: () => client.dispose(),
});

/* graphql-ws throws the errors of an operation that did not run. */
function errorsOf(thrown) {
  if (Array.isArray(thrown)) return { errors: thrown };
  throw thrown;
}

function apollo(link) {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link,
    defaultOptions: {
      query: { errorPolicy: "all", fetchPolicy: "no-cache" },
      mutate: { errorPolicy: "all", fetchPolicy: "no-cache" },
    },
  });
  const answered = ({ data, error }) => ({ data, errors: error?.errors });
  return {
    async run(query, variables) {
      const document = gql(query);
      const isMutation = document.definitions.some((each) => each.operation === "mutation");
      return answered(await (isMutation ? client.mutate({ mutation: document, variables }) : client.query({ query: document, variables })));
    },
    follow(query, variables, observer) {
      const subscription = client.subscribe({ query: gql(query), variables, fetchPolicy: "no-cache" }).subscribe({
        next: ({ data, error }) => (error ? observer.error(error) : observer.next({ data })),
        error: observer.error,
        complete: observer.complete,
      });
      return () => subscription.unsubscribe();
    },
    close: () => client.stop(),
  };
}

const isSubscription = ({ operationType }) => operationType === "subscription";

function apolloOverWebSocket(url) {
  const sockets = wsClient(url);
  const made = apollo(ApolloLink.split(isSubscription, new GraphQLWsLink(sockets), new HttpLink({ uri: url })));
  return { ...made, close: () => Promise.all([made.close(), sockets.dispose()]) };
}

/* Apollo requests `multipart/mixed;subscriptionSpec=1.0` by default. It does not reconnect by default: RetryLink does, with
   the same operation. */
function apolloOverMultipart(url) {
  const retry = new RetryLink({ delay: () => WAIT_MS, attempts: (_count, operation) => isSubscription(operation) });
  const resume = new ApolloLink((operation, forward) =>
    forward(operation).pipe(
      tap(({ data }) => {
        if (data?.events?.cursor) operation.variables = { ...operation.variables, after: data.events.cursor };
      }),
    ),
  );
  return apollo(ApolloLink.from([retry, resume, new HttpLink({ uri: url })]));
}

function urql(options, follow) {
  const client = new Client({ requestPolicy: "network-only", preferGetMethod: false, ...options });
  const answered = ({ data, error }) => {
    if (error?.networkError) throw error;
    return { data, errors: error?.graphQLErrors };
  };
  return {
    run: async (query, variables) =>
      answered(await (query.trimStart().startsWith("mutation") ? client.mutation(query, variables) : client.query(query, variables)).toPromise()),
    follow: (query, variables, observer) => follow(client, query, variables, observer),
  };
}

function urqlOverWebSocket(url) {
  const sockets = wsClient(url);
  const exchange = subscriptionExchange({
    forwardSubscription: (request) => ({ subscribe: (sink) => ({ unsubscribe: sockets.subscribe(request, sink) }) }),
  });
  const follow = (client, query, variables, observer) => {
    const { unsubscribe } = client.subscription(query, variables).subscribe(({ data, error }) => {
      if (error?.networkError) observer.error(error);
      else observer.next({ data, errors: error?.graphQLErrors });
    });
    return unsubscribe;
  };
  return { ...urql({ url, exchanges: [exchange, fetchExchange] }, follow), close: () => sockets.dispose() };
}

/* urql requests server-sent events by default. It does not reconnect by default: a broken connection is a result with a
   `networkError`, after which the caller subscribes again. */
function urqlOverServerSentEvents(url) {
  const follow = (client, query, variables, observer) => {
    let stop;
    let after = variables.after;
    const begin = () => {
      const answers = client.subscription(query, { ...variables, after });
      ({ unsubscribe: stop } = answers.subscribe(({ data, error }) => {
        if (error?.networkError) return setTimeout(begin, WAIT_MS);
        after = data?.events?.cursor ?? after;
        observer.next({ data, errors: error?.graphQLErrors });
      }));
    };
    begin();
    return () => stop();
  };
  return { ...urql({ url, exchanges: [fetchExchange], fetchSubscriptions: true }, follow), close: () => {} };
}

/* The browsers' EventSource reconnects by itself, with the last cursor in `Last-Event-ID`. Callers keep no cursor. */
function eventSource(url) {
  const follow = (query, variables, observer) => {
    const address = new URL(`${url}/stream`);
    address.searchParams.set("query", query);
    address.searchParams.set("variables", JSON.stringify(variables));
    const source = new EventSource(address);
    source.addEventListener("next", ({ data }) => observer.next(JSON.parse(data)));
    source.addEventListener("complete", () => {
      source.close();
      observer.complete();
    });
    source.addEventListener("error", ({ code }) => code && observer.error(new Error(`status ${code}`)));
    return () => source.close();
  };
  const run = (query, variables) =>
    new Promise((resolve, reject) => {
      let answer;
      follow(query, variables, { next: (each) => (answer = each), error: reject, complete: () => resolve(answer) });
    });
  return { run, follow, close: () => {} };
}

export const followers = {
  "graphql-ws": (url) => plain(wsClient(url)),
  "graphql-sse": (url) => plain(sseClient(url)),
  "apollo-ws": apolloOverWebSocket,
  "apollo-multipart": apolloOverMultipart,
  "urql-ws": urqlOverWebSocket,
  "urql-sse": urqlOverServerSentEvents,
  "event-source": eventSource,
};
