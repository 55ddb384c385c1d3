// graphql-ws on ws, over an emitter in memory: node graphql-ws.mjs PORT
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { nextEvent, now, typeDefs } from "./common.mjs";

const subscribers = new Set();

// The events of one subscriber: a queue of events not yet requested, or else the pending request.
function events() {
  const waiting = [];
  let ask = null;
  const push = (event) => {
    if (ask) {
      ask({ value: { events: event }, done: false });
      ask = null;
    } else {
      waiting.push(event);
    }
  };
  subscribers.add(push);
  return {
    next: () =>
      waiting.length > 0
        ? Promise.resolve({ value: { events: waiting.shift() }, done: false })
        : new Promise((resolve) => { ask = resolve; }),
    return: () => {
      subscribers.delete(push);
      ask?.({ value: undefined, done: true });
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() { return this; },
  };
}

const schema = buildSchema(typeDefs);
schema.getSubscriptionType().getFields().events.subscribe = events;

const server = createServer((request, response) => {
  for (let left = Number(request.url.split("/").pop()); left > 0; left -= 1) {
    const event = nextEvent();
    for (const push of subscribers) push(event);
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ at: now() }));
});
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(Number(process.argv[2]), "127.0.0.1");
