/** Workers of different memory: an invocation runs only where its memory is allowed. */
import assert from "node:assert/strict";
import {
  encode,
  hasMemory,
  listName,
  maximumOf,
  needsOf,
  readPrewarm,
} from "../../src/cluster/link/messages.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "./cluster.ts";

const HEAP = `export default ({ mib }) => {
  const held = [];
  for (let n = 0; n < mib; n++) held.push(new Array(131_072).fill(n + 0.5));
  return { held: held.length };
};`;
const ASYNC = { prefer: "respond-async" };
const MIB = 1024 * 1024;

Deno.test("the memory in messages has the form that nodes of earlier versions read and send", () => {
  const scriptDigest = "a".repeat(64);
  const memoryBytes = 128 * MIB;
  const limits = { timeoutMs: 1, cpuTimeMs: 2, memoryBytes };
  assert.deepEqual(needsOf({ scriptDigest, limits }), { scriptDigest, memoryBytes });
  const config = { maxMemoryBytes: 2 * MIB, maxInputBytes: 1 };
  assert.deepEqual(maximumOf(config), { maxMemoryBytes: 2 * MIB });
  const scripts = [{ scriptDigest, count: 2, memoryBytes }];
  const name = listName(scripts);
  assert.equal(name, "2a8f75ea52c33034cd2fe715267b7186");
  const key = new Uint8Array(32).toBase64();
  const list = { name, scripts: scripts.map((script) => ({ ...script, key })) };
  assert.deepEqual(readPrewarm(encode(list)), list);
  const shared = [{ scriptDigest, count: 2, memoryBytes, evaluation: "shared" as const }];
  assert.notEqual(listName(shared), name);
  assert.equal(listName([]), "");
  assert.ok(hasMemory({}, { memoryBytes }) && hasMemory({ maxMemoryBytes: memoryBytes }, {}));
  assert.ok(hasMemory({ maxMemoryBytes: memoryBytes }, { memoryBytes }));
  assert.ok(!hasMemory({ maxMemoryBytes: memoryBytes - 1 }, { memoryBytes }));
});

Deno.test("an invocation runs on a worker that has the memory for it", async (t) => {
  await using cluster = await TestCluster.start();
  const flags = ["--max-memory", "1GiB", "--queue-timeout", "2s"];
  const node = await cluster.node({ flags });
  await cluster.worker({ flags: ["--max-memory", "128MiB"] });
  const client = await node.client();
  const [small, large] = [await client.deploy(HEAP), await client.deploy(HEAP)];
  const update = { function: { id: large, memoryMib: 512 } };
  assert.equal((await client.post("/api/v1/functions/update", update)).status, 200);
  const { body: { invocationId: waiting } } = await client.invoke(large, { mib: 300 }, ASYNC);

  /** An invocation that got a slot in time: a busy machine takes longer than the queue timeout. */
  const runs = (functionId: string): Promise<Json> =>
    eventually(async () => {
      const { body } = await client.invoke(functionId, { mib: 1 });
      if (body.json === undefined) return undefined;
      return await client.invocation(functionId, body.invocationId);
    }, "an invocation on a worker");

  await t.step("one without it gets no such invocation, and others", async () => {
    assert.equal((await runs(small)).status, "FUNCTION_INVOCATION_STATUS_SUCCESS");
    const { body } = await client.invoke(large, { mib: 1 });
    assert.match(JSON.stringify(body), /QUEUE_TIMEOUT/);
    assert.equal(
      (await client.invocation(large, waiting)).status,
      "FUNCTION_INVOCATION_STATUS_PENDING",
    );
  });

  await t.step("another worker runs what waits, and what follows", async () => {
    const { id } = await cluster.worker({ flags: ["--max-memory", "512MiB"] });
    const ended: Json = await client.ended(large, waiting);
    assert.deepEqual([ended.output, ended.worker], [{ held: 300 }, id], ended.error);
    assert.equal((await runs(large)).worker, id);
  });
});
