/** Every kind of client reaches hosts of the allowlist only, in every mode: those of the runtime, and packages from npm. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { allow, call, deploy, Host, openServer } from "./support.ts";

const CLIENTS = ["fetch", "node", "WebSocket"];
/** Reaches `url` with `client`; with `fails` it returns how that failed. */
const REACH = `const clients: any = {
  fetch: async (url: string) => {
    const r = await fetch(url + "/x");
    return { status: r.status, text: await r.text() };
  },
  node: (url: string) => request(url + "/x"),
  WebSocket: (url: string) => socket(url.replace(/^http/, "ws") + "/ws"),
};
const reach = () => clients[input.client](input.url);
return await (input.fails ? outcome(reach) : reach());`;

const PACKAGES = `
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

/** Registers a step for each client and scheme. @param id a function with the body {@link REACH} */
async function reachEach(t: Deno.TestContext, api: Client, id: string): Promise<void> {
  await using plain = new Host();
  await using tls = new Host({ tls: true });
  for (const [scheme, host] of [["http", plain], ["https", tls]] as const) {
    for (const client of CLIENTS) {
      await t.step(`${client} over ${scheme}`, async () => {
        const where = `localhost:${host.port}`;
        const url = `${scheme}://${where}`;
        await allow(api, id, [where]);
        const { output, egress } = await call(api, id, { client, url });
        if (client === "WebSocket") assert.deepEqual(output, { said: "echo hello" });
        else assert.equal(output.status, 200, JSON.stringify(output));
        assert.equal(egress.length, 1);
        const isTunnel = client === "node";
        const status = client === "WebSocket" ? 101 : 200;
        assert.match(
          egress[0] ?? "",
          new RegExp(
            `^${where} allowed: ${
              isTunnel ? "CONNECT" : "\\w+"
            }, status ${status}, \\d+ bytes sent, [1-9]\\d* bytes received$`,
          ),
        );
        const before = host.seen.length;
        await allow(api, id, ["localhost"]);
        const rejected = await call(api, id, { client, url, fails: true });
        assert.equal(host.seen.length, before, "the host was reached");
        if (client !== "WebSocket") {
          assert.equal(rejected.output.failed, isTunnel ? "EACCES" : "EGRESS_DENIED");
        } else assert.equal(rejected.output.failed, "the WebSocket failed");
        assert.match(
          rejected.egress[0] ?? "",
          new RegExp(`^${where} refused: \\w+, not in the function's outboundNetworkAllowlist$`),
        );
      });
    }
  }
}

/** @param id a function with the module {@link PACKAGES} */
async function reachByPackages(api: Client, id: string): Promise<void> {
  await using allowed = new Host({ tls: true });
  await using other = new Host({ tls: true });
  // A flag allows the range of the first; the second is outside of it.
  await using closed = new Host({ tls: true, hostname: "127.0.0.2" });
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
  await countsEgress(api, id);
}

/** Usage has the bytes of the records. */
async function countsEgress(api: Client, id: string): Promise<void> {
  const records = ok(await api.get(`/api/v1/functions/${id}/invocations?page_size=100`)).list;
  const bytes = records.reduce(
    (sum: number, { usage }: Json) => sum + Number(usage.egressBytes),
    0,
  );
  const from = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  const { total } = ok(await api.get(`/api/v1/usage?function_id=${id}&from=${from}`));
  assert.ok(bytes > 0);
  assert.equal(Number(total.egressBytes), bytes);
}

Deno.test("clients reach an allowed host, and no other", async (t) => {
  await using directory = await makeTempDir();
  let reaching: string | undefined;
  let packages: string | undefined;
  for (const mode of AVAILABLE_MODES) {
    await t.step(mode, async (t) => {
      // 127.0.0.2 is outside of the range.
      await using opened = await openServer([
        ...["--egress-allow-private", "127.0.0.1", "--egress-allow-private", "::1"],
        ...["--isolation", mode],
      ], { dataDir: directory.path });
      const { api } = opened;
      // The next mode runs what the first one has built.
      const [reach, ofPackages] = [
        reaching ??= await deploy(api, REACH, []),
        packages ??= await api.deploy(PACKAGES),
      ];
      await t.step(
        "every client reaches an allowed host, with TLS and without",
        (t) => reachEach(t, api, reach),
      );
      await t.step(
        "the clients of npm reach an allowed host, and no other",
        () => reachByPackages(api, ofPackages),
      );
      await opened.server.stop();
    });
  }
});
