/** Requests of functions that the proxy rejects, through the API. */
import assert from "node:assert/strict";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { allow, call, deploy, egressSuite, Host, LOOPBACK, once } from "./support.ts";

Deno.test("a flood of output does not hide connections, in a temporary directory that other users cannot enter", async () => {
  await using host = new Host();
  await using directory = await makeTempDir();
  await Deno.chmod(directory.path, 0o700);
  await using server = await TestServer.start({
    flags: [...LOOPBACK, "--max-log", "1KiB"],
    env: { TMPDIR: directory.path },
  });
  const where = `127.0.0.1:${host.port}`;
  const { egress, output } = await once(
    await server.client(),
    `console.log("x".repeat(100_000)); return { status: (await fetch("http://${where}/")).status };`,
    [where],
  );
  assert.equal(egress.length, 1);
  assert.deepEqual(output, { status: 200 });
});

egressSuite("rejected where loopback is not allowed", "server", {
  "loopback is rejected unless the operator allows it, whatever the allowlist names": async (
    api,
  ) => {
    await using host = new Host();
    for (const name of ["localhost", "127.0.0.1"]) {
      const where = `${name}:${host.port}`;
      const { output, egress } = await once(
        api,
        `return {
        fetched: await outcome(() => fetch("http://${where}/")),
        node: await outcome(() => request("http://${where}/")),
      };`,
        [where],
      );
      assert.equal(egress.length, 2);
      assert.deepEqual(output, {
        fetched: { failed: "EGRESS_DENIED", why: egress[0] },
        node: { failed: "EACCES", why: `connect EACCES ${egress[1]}` },
      });
      for (const line of egress) assert.match(line, /refused: \w+, .* is not public but loopback/);
    }
    assert.deepEqual(host.seen, []);
  },

  "an allowlist with an invalid entry is rejected": async (api) => {
    const id = await deploy(api, "return {};", ["example.com"]);
    const { status, body } = await api.post("/api/v1/functions/update", {
      function: { id, outboundNetworkAllowlist: ["ok.example", "https://example.com/"] },
      updateMask: "outboundNetworkAllowlist",
    });
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /outboundNetworkAllowlist.*must be a host without a scheme/);
    const { body: found } = await api.get(`/api/v1/functions/${id}`);
    assert.deepEqual(found.function.outboundNetworkAllowlist, ["example.com"]);
    await allow(api, id, []);
    assert.deepEqual((await call(api, id)).egress, []);
  },
});

egressSuite("rejected where loopback is allowed", "egress", {
  "every hop of a redirect is checked": async (api) => {
    await using first = new Host();
    await using second = new Host({ hostname: "127.0.0.2" });
    const [from, to] = [`127.0.0.1:${first.port}`, `127.0.0.2:${second.port}`];
    const body = `return await outcome(async () => {
      const r = await fetch("http://${from}/redirect?to=" + encodeURIComponent("http://${to}/"),
        { headers: { authorization: "Bearer secret" } });
      return { status: r.status, text: await r.text() };
    });`;
    const rejected = await once(api, body, [from]);
    assert.deepEqual(rejected.output, { failed: "EGRESS_DENIED", why: rejected.egress[1] });
    assert.deepEqual(second.seen, []);
    assert.match(
      rejected.egress.join("\n"),
      /^127.0.0.1:\d+ allowed: GET, status 302, .*\n127.0.0.2:\d+ refused: GET, /,
    );
    const followed = await once(api, body, [from, to]);
    assert.equal(followed.output.status, 200);
    assert.equal(JSON.parse(followed.output.text).headers.authorization, undefined);
  },

  "a function without an allowlist has no network, and its errors give the reason": async (api) => {
    await using host = new Host();
    const { output, egress } = await once(
      api,
      `return {
      fetched: await outcome(() => fetch("http://127.0.0.1:${host.port}/")),
      node: await outcome(() => request("http://127.0.0.1:${host.port}/")),
    };`,
      [],
    );
    const rejected = (method: string) =>
      `127.0.0.1:${host.port} refused: ${method}, not in the function's outboundNetworkAllowlist`;
    assert.deepEqual(output, {
      fetched: { failed: "EGRESS_DENIED", why: rejected("GET") },
      node: { failed: "EACCES", why: `connect EACCES ${rejected("CONNECT")}` },
    });
    assert.deepEqual(egress, [rejected("GET"), rejected("CONNECT")]);
    assert.deepEqual(host.seen, []);
  },

  "a tunnel that is open at the end of the invocation is closed and logged": async (api) => {
    await using host = new Host();
    const where = `127.0.0.1:${host.port}`;
    const { output, egress } = await once(
      api,
      `const w = new WebSocket("ws://${where}/ws"); await new Promise((r) => w.onopen = r); return { open: true };`,
      [where],
    );
    assert.deepEqual(output, { open: true });
    assert.match(egress.join("\n"), /^127.0.0.1:\d+ allowed: GET, status 101, /);
  },
});
