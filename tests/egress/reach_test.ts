/** Every kind of client reaches hosts of the allowlist only. */
import assert from "node:assert/strict";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { sharedServer } from "../support/shared_server.ts";
import { allow, call, deploy, egressSuite, Host, LOOPBACK, once, openServer } from "./support.ts";

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

/** Whether servers choose it by themselves: the strongest. */
const isChosen = (mode: string) => mode === AVAILABLE_MODES[0];

for (const mode of AVAILABLE_MODES) {
  Deno.test(`${mode}: every client reaches an allowed host, with TLS and without`, async (context) => {
    await using plain = new Host();
    await using tls = new Host({ tls: true });
    await using own = isChosen(mode) ? undefined : await openServer([
      ...LOOPBACK,
      "--isolation",
      mode,
    ]);
    const api = own?.api ?? await (await sharedServer("egress")).client();
    const id = await deploy(api, REACH, []);
    for (const [scheme, host] of [["http", plain], ["https", tls]] as const) {
      for (const client of CLIENTS) {
        await context.step(`${client} over ${scheme}`, async () => {
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
  });
}

Deno.test("a certificate authority is trusted only with --egress-ca", async () => {
  await using host = new Host({ tls: true });
  await using opened = await openServer([
    "--egress-allow-private",
    "127.0.0.1",
    "--egress-ca",
    new URL("wrong.pem", import.meta.url).pathname,
  ]);
  const url = `https://localhost:${host.port}/`;
  const { output, egress } = await once(
    opened.api,
    `return {
    fetched: await outcome(() => fetch("${url}")),
    node: await outcome(() => request("${url}")),
  };`,
    [`localhost:${host.port}`],
  );
  assert.match(output.fetched.failed, /^[A-Z_]*(?:CERT|SIGNATURE|ISSUER)[A-Z_]*$/);
  assert.equal(output.fetched.why, egress[0]);
  assert.ok(output.node.failed !== undefined);
  assert.match(egress[0] ?? "", / failed: GET, TLS: /);
  assert.deepEqual(host.seen, []);
});

egressSuite("forwarded", "egress", {
  "bodies are forwarded completely in both directions": async (api) => {
    await using host = new Host({ tls: true });
    const url = `https://localhost:${host.port}`;
    const { output, egress } = await once(
      api,
      `
    const body = new Uint8Array(300_000);
    const stream = new ReadableStream({ start(c) { c.enqueue(body); c.enqueue(body); c.close(); } });
    const sent = [
      await (await fetch("${url}/a", { method: "POST", body })).json(),
      await (await fetch("${url}/b", { method: "POST", body: stream })).json(),
      JSON.parse((await request("${url}/c", { method: "PUT" }, body)).text),
    ].map(({ bytes }) => bytes);
    return { sent, received: (await (await fetch("${url}/big?bytes=700000")).bytes()).length };
  `,
      [`localhost:${host.port}`],
    );
    assert.deepEqual(output, { sent: [300_000, 600_000, 300_000], received: 700_000 });
    assert.equal(egress.length, 4);
  },

  "a changed allowlist applies from the next call": async (api) => {
    await using host = new Host();
    const where = `127.0.0.1:${host.port}`;
    const body =
      `return await outcome(async () => ({ status: (await fetch("http://${where}/")).status }));`;
    const id = await deploy(api, body, []);
    assert.equal((await call(api, id)).output.failed, "EGRESS_DENIED");
    await allow(api, id, [where]);
    assert.deepEqual((await call(api, id)).output, { status: 200 });
    await allow(api, id, []);
    assert.equal((await call(api, id)).output.failed, "EGRESS_DENIED");
    assert.deepEqual(host.seen, ["GET /"]);
  },
});
