/** Functions of different memory on one server with its defaults. */
import assert from "node:assert/strict";
import type { Reason } from "../../src/domain/errors.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, DEFAULT_LIMITS, ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";

const CHECK = "/api/v1/functions/check";

/** Holds numbers on the heap. */
const HEAP = `export default ({ mib }: { mib: number }) => {
  const held: number[][] = [];
  for (let n = 0; n < mib; n++) held.push(new Array(131_072).fill(n + 0.5));
  return { held: held.length };
};`;

const FORKED = ["PROCESS_KIND_ROOT", "PROCESS_KIND_TEMPLATE"];

async function call(client: Client, id: string, mib: number): Promise<Json> {
  const { invocationId } = ok(await client.invoke(id, { mib }));
  return await client.invocation(id, invocationId);
}

/** An invocation of the function in a forked process. */
async function forkedInvocation(client: Client, id: string, mib: number): Promise<Json> {
  return await eventually(async () => {
    const invocation = await call(client, id, mib);
    return FORKED.includes(invocation.processKind) ? invocation : undefined;
  }, "an invocation from a fork");
}

serverSuite("memory of functions", {}, {
  "functions of 128 and 512 MiB run beside each other": async ({ client }) => {
    const [small, large] = [await client.deploy(HEAP), await client.deploy(HEAP)];
    const { effectiveLimits } = ok(await client.update(large, { memoryMib: 512 })).function;
    assert.equal(effectiveLimits.memoryMib, 512);
    const held = await forkedInvocation(client, large, 300);
    assert.deepEqual(held.output, { held: 300 }, held.error);
    assert.deepEqual(held.limits, { ...DEFAULT_LIMITS, memoryMib: 512 });
    assert.equal(ok(await client.get("/api/v1/status")).root.count, 2);
    const exceeded = await forkedInvocation(client, small, 300);
    assert.match(exceeded.error, /^OUT_OF_MEMORY: .* limit of 128 MiB \(--memory\)$/);
    assert.deepEqual((await forkedInvocation(client, small, 60)).output, { held: 60 });
  },

  "settings are checked before there is code, and nothing changes": async ({ client }) => {
    const id = await client.deploy(HEAP);
    const path = `/api/v1/functions/${id}`;
    const before = ok(await client.get(path)).function;
    assert.deepEqual(
      ok(await client.post(CHECK, { function: { id, displayName: "other", memoryMib: 256 } })),
      {},
    );
    assert.deepEqual(ok(await client.post(CHECK, { function: { displayName: "new" } })), {});
    const violations: [Json, RegExp][] = [
      [{ id, memoryMib: 31 }, /function\.memoryMib: 31 MiB is not between 32 MiB and/],
      [{ displayName: "new", timeout: "3600s" }, /function\.timeout: 1 h is not between/],
      [{ displayName: "" }, /function\.displayName: must not be empty/],
      [{ displayName: "new", scopedRoleIds: ["king"] }, /function\.scopedRoleIds\[0\]/],
      [
        { displayName: "new", onSuccess: { url: "https://a.example" } },
        /function\.onSuccess\.url: /,
      ],
    ];
    for (const [fn, message] of violations) {
      assertError(await client.post(CHECK, { function: fn }), "INVALID_FIELD", message);
    }
    const vfsId = "0".repeat(27);
    const missing: [Json, Reason][] = [
      [{ id, vfsId }, "VOLUME_NOT_FOUND"],
      [{ displayName: "new", vfsId }, "VOLUME_NOT_FOUND"],
      [{ id: vfsId, memoryMib: 128 }, "FUNCTION_NOT_FOUND"],
    ];
    for (const [fn, reason] of missing) {
      assertError(await client.post(CHECK, { function: fn }), reason);
    }
    assert.deepEqual(ok(await client.get(path)).function, before);
    const { list } = ok(await client.post("/api/v1/search/functions", { query: "new" }));
    assert.deepEqual(list, []);
  },
});
