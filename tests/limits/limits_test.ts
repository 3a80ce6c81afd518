/** Limits that no other test reaches through HTTP: each names itself, and leaves the server well. */
import assert from "node:assert/strict";
import { type Called, deploy, Host, LOOPBACK, once, openServer } from "../egress/support.ts";
import { atOnce } from "../support/at_once.ts";
import { serverSuite } from "../support/suite.ts";

serverSuite("memory and builds", {
  flags: [
    ...["--memory", "64MiB", "--invocation-timeout", "5m"],
    ...["--max-file", "64KiB", "--max-commit", "64KiB", "--max-artifact", "64KiB"],
    ...["--max-download", "1MiB", "--max-builds", "1"],
  ],
}, {
  "memory of every kind counts": async ({ client }) => {
    const kinds = {
      heap: "const a: any = []; for (;;) a.push(new Array(1000).fill(a.length));",
      ArrayBuffer: "const a: any = []; for (;;) a.push(new Uint8Array(8e6).fill(1));",
      WebAssembly: "const a: any = []; for (;;) a.push(new WebAssembly.Memory({ initial: 200 }));",
      grown: "const m = new WebAssembly.Memory({ initial: 1 }); for (;;) m.grow(100);",
      Blob: "const a: any = []; for (;;) a.push(new Blob([new Uint8Array(8e6)]));",
    };
    for (const [kind, body] of Object.entries(kinds)) {
      const id = await client.deploy(`export default () => { ${body} };`);
      const { body: { invocationId } } = await client.invoke(id);
      const { error } = await client.invocation(id, invocationId);
      assert.equal(
        error,
        "OUT_OF_MEMORY: the function needed more memory than its limit of 64 MiB (--memory)",
        kind,
      );
    }
  },

  "a bundle over its limit, or too many downloads, are BUILD_FAILED": async ({ client }) => {
    const { function: { id } } = await client.createFunction("limits");
    // The bundler writes each of these letters as four characters.
    const text = `export default () => ({ text: "${"\u00e9".repeat(30_000)}" });`;
    const large = await client.commit(id, { "main.ts": text });
    assert.equal(large.status, 400);
    assert.match(
      large.body.message,
      /the bundle has [\d,]+ [kKM]?i?B, more than its limit of 64 KiB \(--max-artifact\)/,
    );
    const greedy = await client.commit(id, { "main.ts": 'import "npm:typescript@5.9.3";' });
    assert.equal(greedy.status, 400);
    assert.match(
      greedy.body.message,
      /the build downloads [\d,]+ [kKM]?i?B or more, over its limit of 1 MiB \(--max-download\)/,
    );
  },

  "further builds wait for the one that runs": async ({ client }) => {
    const made = await atOnce(4, () => client.deploy("export default () => ({});"));
    assert.equal(new Set(made).size, 4);
  },
});

Deno.test("what an invocation sends, receives and asks for has limits", async () => {
  await using host = new Host();
  await using opened = await openServer([
    ...LOOPBACK,
    ...["--max-egress", "64KiB", "--max-egress-requests", "3", "--max-egress-connections", "2"],
  ]);
  const { api } = opened;
  const where = `127.0.0.1:${host.port}`;
  const reach = (body: string): Promise<Called> => once(api, body, [where]);

  const bytes = await reach(`
    const first = await outcome(async () => (await (await fetch("http://${where}/big?bytes=900000")).bytes()).length);
    return { first, second: await outcome(() => fetch("http://${where}/")) };`);
  assert.notEqual(bytes.output.first, 900_000);
  assert.equal(bytes.output.second.failed, "EGRESS_LIMIT");
  assert.match(bytes.egress.join("\n"), /limit of 64 KiB reached \(--max-egress\)/);

  const requests = await reach(`
    const reported = [];
    for (let n = 0; n < 5; n++) {
      const { status, failed } = await outcome(() => fetch("http://${where}/"));
      reported.push(status ?? failed);
    }
    return { reported };`);
  assert.deepEqual(requests.output, {
    reported: [200, 200, 200, "EGRESS_LIMIT", "EGRESS_LIMIT"],
  });
  assert.match(requests.egress.join("\n"), /limit of 3 requests \(--max-egress-requests\) reached/);

  const connections = await reach(`
    const open = () => new Promise((resolve) => {
      const socket = new WebSocket("ws://${where}/ws");
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("rejected");
    });
    const reported = [];
    for (let n = 0; n < 3; n++) reported.push(await open());
    reported.push((await outcome(() => fetch("http://${where}/"))).failed);
    reported.push((await outcome(() => request("http://${where}/"))).failed);
    return { reported };`);
  assert.deepEqual(connections.output, {
    reported: ["open", "open", "rejected", "EGRESS_LIMIT", "EACCES"],
  });
  assert.match(
    connections.egress.join("\n"),
    /limit of 2 connections \(--max-egress-connections\) reached/,
  );

  const id = await deploy(api, "return { well: true };", []);
  assert.equal((await api.invoke(id)).status, 200);
});
