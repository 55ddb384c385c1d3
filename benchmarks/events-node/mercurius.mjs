// Mercurius with its own PubSub and handler: node mercurius.mjs PORT
import Fastify from "fastify";
import mercurius from "mercurius";
import { nextEvent, now, typeDefs } from "./common.mjs";

const app = Fastify();
await app.register(mercurius, {
  schema: typeDefs,
  resolvers: {
    Subscription: { events: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe("EVENTS") } },
  },
  subscription: true,
});
app.post("/publish/:count", async (request) => {
  for (let left = Number(request.params.count); left > 0; left -= 1) {
    await app.graphql.pubsub.publish({ topic: "EVENTS", payload: { events: nextEvent() } });
  }
  return { at: now() };
});
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
