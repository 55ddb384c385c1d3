/**
 * An OpenID Connect issuer, `oidc-provider`, for tests of tokens from outside.
 *
 *     node issuer.mjs      prints its address, then answers each line of its input with one line of JSON
 *
 * `token AUDIENCE [ALGORITHM] [SECONDS]` gives an access token, `rotate` replaces all keys, and `stop` and `start` close
 * and open the port.
 */
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const client = { client_id: "tests", client_secret: "secret-of-the-tests", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
let lifetime = 600;
let algorithm = "RS256";

function keys() {
  const made = [generateKeyPairSync("rsa", { modulusLength: 2048 }), generateKeyPairSync("ec", { namedCurve: "P-256" })];
  return made.map(({ privateKey }, index) => ({
    ...privateKey.export({ format: "jwk" }),
    kid: randomUUID(),
    use: "sig",
    alg: ["RS256", "ES256"][index],
  }));
}

let handle;
const server = createServer((request, response) => handle(request, response));
const listening = (port) => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
await listening(0);
const { port } = server.address();
const address = `http://127.0.0.1:${port}`;

function rotate() {
  const provider = new Provider(address, {
    clients: [client],
    jwks: { keys: keys() },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => ({
          scope: "api",
          audience,
          accessTokenTTL: lifetime,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  });
  handle = provider.callback();
}
rotate();

async function token(audience, alg = "RS256", seconds = "600") {
  [algorithm, lifetime] = [alg, Number(seconds)];
  const response = await fetch(`${address}/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: audience, scope: "api" }),
  });
  return (await response.json()).access_token;
}

const commands = {
  token,
  rotate,
  stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  start: () => listening(port),
};
console.log(address);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = line.split(" ");
  console.log(JSON.stringify((await commands[name](...given)) ?? null));
}
process.exit(0);
