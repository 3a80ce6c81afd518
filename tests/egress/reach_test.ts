/** Only trusted hosts are reached, and what goes through arrives complete. */
import assert from "node:assert/strict";
import { allow, call, deploy, egressSuite, Host, once, openServer } from "./support.ts";

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

  "a changed allowlist applies from the next invocation": async (api) => {
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
