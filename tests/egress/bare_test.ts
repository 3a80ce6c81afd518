/** Without a seccomp filter Deno's permissions are the only isolation: they allow the egress socket and no other. */
import assert from "node:assert/strict";
import { createSandboxes } from "../../src/sandbox/mod.ts";
import { EGRESS, LIMITS, REUSE, scriptOf } from "../sandbox/harness.ts";
import { Host } from "./support.ts";

Deno.test("without wrappers node clients reach an allowed host and fetch has no network", async () => {
  await using host = new Host();
  const where = `127.0.0.1:${host.port}`;
  const cacheDir = await Deno.makeTempDir();
  {
    await using sandboxes = createSandboxes(LIMITS, {
      cacheDir,
      egress: { ...EGRESS, allowPrivate: ["127.0.0.1/32"] },
      reuse: REUSE,
      isolation: "process",
      searchPath: "",
    });
    await sandboxes.start();
    assert.match(sandboxes.walls, /ONLY.*fetch and WebSocket have no network/);
    const outcome = await sandboxes.run({
      scriptKey: "bare",
      functionKey: "bare",
      script: scriptOf(`async function main() {
        const http = await import("node:http");
        const node = await new Promise((ok, no) =>
          http.get("http://${where}/node", (r) => ok(r.statusCode)).on("error", no));
        const fetched = await fetch("http://${where}/fetch").then((r) => r.status, (e) => e.name);
        return { node, fetched };
      }`),
      inputJson: "{}",
      outboundAllowlist: [where],
      config: { secrets: {} },
      limits: {},
    }, {
      host: { call: () => Promise.reject(new Error("nothing is asked")) },
      stackMap: () => Promise.reject(new Error("no stack is mapped")),
      onLog() {},
      signal: new AbortController().signal,
    });
    const { measured, ...rest } = outcome;
    assert.ok(measured !== undefined);
    assert.deepEqual(rest, {
      kind: "success",
      outputJson: '{"node":200,"fetched":"NotCapable"}',
      process: "single",
    });
  }
  assert.deepEqual(host.seen, ["GET /node"]);
  await Deno.remove(cacheDir, { recursive: true });
});
