/** Traces of invocations that wait for the start of a process, and for a slow disk. */
import assert from "node:assert/strict";
import { freePort } from "../metrics/support.ts";
import { settings } from "../retries/support.ts";
import type { Client } from "../support/client.ts";
import { FaultShim } from "../support/disk.ts";
import { shimTest } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";
import { TraceCollector } from "./collector.ts";

const SLOW_SYNC_MS = 3_000;
/** The phases of an invocation that write to the database. */
const WRITES = ["admission", "record"];
/** More than a process has that waits for any function: such invocations need a zygote of their own, which has to start. */
const LARGE_MIB = 200;

/** The way to the longest span of a new invocation. */
async function slowest(client: Client, collector: TraceCollector, id: string) {
  const { status, body } = await client.invoke(id);
  assert.equal(status, 200, JSON.stringify(body));
  const trace = await collector.traceOf(body.invocationId, WRITES.length + 2);
  return { path: trace.slowest(trace.one("test")), text: trace.text };
}

shimTest("a trace shows that an invocation waited for a process, or for the disk", async () => {
  const port = freePort();
  await using shim = await FaultShim.open();
  await using server = await TestServer.start({
    flags: ["--otlp-endpoint", `http://127.0.0.1:${port}`, "--trace-sample", "1"],
    env: shim.env,
  });
  await using collector = new TraceCollector({ port });
  const client = await server.client();
  const id = await client.deploy("export default () => ({});");
  await settings(client, id, { memoryMib: LARGE_MIB });
  const started = await slowest(client, collector, id);
  assert.deepEqual(started.path, ["instance"], started.text);

  await shim.set({ operation: "slow-sync", delayMs: SLOW_SYNC_MS, path: "invoked.db" });
  const written = await slowest(client, collector, id);
  await shim.set();
  assert.equal(written.path.length, 1, written.text);
  assert.ok(WRITES.includes(written.path[0] ?? ""), written.text);
});
