/** A runner whose scripts do not arrive. */
import assert from "node:assert/strict";
import { Runner } from "../../src/engine/runner.ts";
import type { Job } from "../../src/engine/contract.ts";
import type { Sandboxes } from "../../src/sandbox/contract.ts";

Deno.test("a run ends with its signal while its script does not arrive", async () => {
  const silent = { text: () => Promise.withResolvers<string>().promise };
  // No instance is needed before the script.
  const runner = new Runner({} as Sandboxes, silent);
  const job = { scriptDigest: "a", sourceMapDigest: "b", limits: {} } as Job;
  const ports = { host: { call: () => assert.fail("a host call") }, onLog() {} };
  for (const isLate of [false, true]) {
    const stopping = new AbortController();
    const stop = () => stopping.abort("CANCELLED");
    if (!isLate) stop();
    const running = runner.run(job, ports, stopping.signal, {});
    if (isLate) stop();
    const ran = await running;
    assert.ok(ran.kind === "error" && ran.code === "CANCELLED", JSON.stringify(ran));
  }
});
