/** Packages from npm reach allowed hosts only, in every mode, over TLS. */
import assert from "node:assert/strict";
import { makeTempDir } from "../support/invoked.ts";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { allow, call, Host, openServer } from "./support.ts";

const CLIENTS = `
import https from "node:https";
import axios from "npm:axios@1.21.1";
import got from "npm:got@16.1.0";
import { request } from "npm:undici@8.13.1";
import WebSocket from "npm:ws@8.23.0";

const clients: Record<string, (url: string) => Promise<number>> = {
  fetch: async (url) => (await fetch(url)).status,
  "node:https": (url) =>
    new Promise((resolve, reject) =>
      https.get(url, (answer: any) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on("error", reject)
    ),
  axios: async (url) => (await axios.get(url)).status,
  got: async (url) => (await got(url, { retry: { limit: 0 } })).statusCode,
  undici: async (url) => (await request(url)).statusCode,
  ws: (url) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace(/^http/, "ws") + "ws");
      socket.on("open", () => resolve(101));
      socket.on("error", reject);
    }),
};

export default async function main({ url }: { url: string }) {
  const results: Record<string, unknown> = {};
  for (const [name, client] of Object.entries(clients)) {
    results[name] = await client(url).catch((error: any) => error.response?.status ?? error.cause?.code ?? error.code ?? error.name);
  }
  return results;
}
`;

Deno.test("the clients of npm reach an allowed host, and no other", async (t) => {
  await using directory = await makeTempDir();
  let id: string | undefined;
  for (const mode of AVAILABLE_MODES) {
    await t.step(mode, async () => {
      await using allowed = new Host({ tls: true });
      await using other = new Host({ tls: true });
      // A flag allows the range of the first; the second is outside of it.
      await using closed = new Host({ tls: true, hostname: "127.0.0.2" });
      await using opened = await openServer([
        ...["--egress-allow-private", "127.0.0.1", "--egress-allow-private", "::1"],
        ...["--isolation", mode],
      ], { dataDir: directory.path });
      const { api } = opened;
      // The next mode runs what the first one has built.
      id ??= await api.deploy(CLIENTS);
      const outside = `127.0.0.2:${closed.port}`;
      await allow(api, id, [`localhost:${allowed.port}`, outside]);

      const reached = await call(api, id, { url: `https://localhost:${allowed.port}/` });
      assert.deepEqual(reached.output, {
        fetch: 200,
        "node:https": 200,
        axios: 200,
        got: 200,
        undici: 200,
        ws: 101,
      });
      // Clients of `node:` modules may share a connection.
      for (const line of reached.egress) assert.match(line, /^localhost:\d+ allowed: /);

      for (const url of [`https://localhost:${other.port}/`, `https://${outside}/`]) {
        const rejected = await call(api, id, { url });
        for (const [client, outcome] of Object.entries(rejected.output)) {
          if (client === "fetch") assert.equal(outcome, "EGRESS_DENIED");
          else assert.notEqual(typeof outcome, "number", `${client}: ${outcome}`);
        }
        assert.ok(rejected.egress.length >= 6, rejected.egress.join("\n"));
        for (const line of rejected.egress) assert.match(line, / refused: /);
      }
      assert.deepEqual([...other.seen, ...closed.seen], []);
      await opened.server.stop();
    });
  }
});
