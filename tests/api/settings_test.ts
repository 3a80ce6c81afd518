import assert from "node:assert/strict";
import { ECHO, HANG, VARIABLES } from "../invocations/functions.ts";
import { outputOf } from "../sdk/support.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, assertInvalid, DEFAULT_LIMITS, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

const UPDATE = "/api/v1/functions/update";
/** Those of this server, which keeps invocations for 30 days. */
const DEFAULTS = { ...DEFAULT_LIMITS, retention: "2592000s" };

async function create(client: Client, settings: Json = {}): Promise<Json> {
  return ok(await client.post("/api/v1/functions", { displayName: "settings", ...settings }))
    .function;
}

async function update(client: Client, fn: Json, updateMask?: string): Promise<Json> {
  return ok(await client.update(fn.id, fn, updateMask)).function;
}

async function volume(client: Client): Promise<string> {
  return ok(await client.post("/api/v1/vfs/volumes", { displayName: "data" })).volume.id;
}

sharedSuite("settings of a function", {
  "without any, the defaults of the server are in force": async ({ client }) => {
    const fn = await create(client);
    assert.deepEqual(fn.effectiveLimits, DEFAULTS);
    assert.deepEqual(fn.variables, {});
    for (const field of [...Object.keys(DEFAULTS), "vfsId"]) {
      assert.equal(field in fn, false, field);
    }
  },

  "they are set on create and on update, and read back": async ({ client }) => {
    const wanted = {
      timeout: "90s",
      cpuTimeout: "2s",
      memoryMib: 256,
      maxConcurrency: 4,
      retention: "3600s",
      vfsId: await volume(client),
      variables: { STAGE: "test", EMPTY: "", __proto: "x" },
    };
    const fn = await create(client, wanted);
    const limits = {
      timeout: "90s",
      cpuTimeout: "2s",
      memoryMib: 256,
      maxConcurrency: 4,
      retention: "3600s",
    };
    assert.deepEqual({ ...fn, ...wanted }, fn);
    assert.deepEqual(fn.effectiveLimits, limits);
    const { id } = await create(client);
    assert.deepEqual((await update(client, { id, ...wanted })).effectiveLimits, limits);
    const changed = await update(client, { id, timeout: "1.5s" }, "timeout,memory_mib");
    assert.deepEqual(changed.effectiveLimits, { ...limits, timeout: "1.500s", memoryMib: 128 });
    const cleared = await update(client, { id, displayName: "settings" }, "*");
    assert.deepEqual(cleared.effectiveLimits, DEFAULTS);
    assert.deepEqual([cleared.vfsId, cleared.variables], [undefined, {}]);
    const zeros = {
      timeout: "0s",
      cpuTimeout: "0s",
      memoryMib: 0,
      maxConcurrency: 0,
      retention: "0s",
      vfsId: "",
    };
    const zeroed = await update(client, { id, ...zeros });
    assert.deepEqual(zeroed.effectiveLimits, DEFAULTS);
    assert.equal("timeout" in zeroed, false);
  },

  "a limit beyond that of the operator is an error that names both": async ({ client }) => {
    const { id } = await create(client);
    const cases = [
      ["timeout", "301s", /301 s is not between 100 ms and 5 min \(--max-timeout\)/],
      ["timeout", "0.05s", /50 ms is not between/],
      ["cpuTimeout", "31s", /31 s is not between 1 s and 30 s \(--max-cpu-time\)/],
      ["memoryMib", 257, /257 MiB is not between 32 MiB and 256 MiB \(--max-memory\)/],
      ["memoryMib", 31, /31 MiB is not between/],
      [
        "maxConcurrency",
        33,
        /33 invocations is not between 1 invocation and 32 invocations \(--max-running-per-f/,
      ],
      ["retention", "2592001s", /2,592,001 s is not between 1 s and 30 d \(--retention\)/],
      ["retention", "0.5s", /500 ms is not between/],
    ] as const;
    for (const [field, value, message] of cases) {
      const answer = await client.update(id, { [field]: value });
      assertError(answer, "INVALID_FIELD", { fields: [`function.${field}`], message });
      const created = await client.post("/api/v1/functions", { displayName: "x", [field]: value });
      assertInvalid(created, field, message);
    }
    const both = await client.update(id, { timeout: "301s", memoryMib: 257 });
    assertInvalid(both, ["function.timeout", "function.memoryMib"]);
  },

  "a value of another form is an error of its field": async ({ client }) => {
    const { id } = await create(client);
    const cases: readonly [string, unknown][] = [
      ...["30", "-1s", "1m", "1.0001s", "", "NaNs", 30].map((value) =>
        ["timeout", value] as [string, unknown]
      ),
      ["memoryMib", -1],
      ["memoryMib", 1.5],
      ["maxConcurrency", "many"],
      ["vfsId", 7],
      ["variables", []],
      ["variables", { A: 1 }],
      ["variables", { "1A": "" }],
      ["variables", { "": "" }],
      ["variables", { A: "x".repeat(65_536) }],
      ["variables", Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`V${n}`, ""]))],
    ];
    for (const [field, value] of cases) {
      const answer = await client.update(id, { [field]: value });
      assertError(answer, "INVALID_FIELD", new RegExp(`^function\\.${field}`));
    }
  },

  "a name is that of a secret or of a variable": async ({ client }) => {
    const { id } = await create(client, { variables: { A: "1" } });
    const asSecret = await client.update(id, { secret: { A: "s" } });
    const secretFields = { fields: ["function.secret.A"], message: /is the name of a variable/ };
    assertError(asSecret, "INVALID_FIELD", secretFields);
    await update(client, { id, secret: { B: "s" } });
    const asVariable = await client.update(id, { variables: { B: "1" } });
    const variableFields = { fields: ["function.variables.B"], message: /is the name of a secret/ };
    assertError(asVariable, "INVALID_FIELD", variableFields);
    const kept = ok(await client.get(`/api/v1/functions/${id}`)).function;
    assert.deepEqual([kept.secret, kept.variables], [{ B: "" }, { A: "1" }]);
    const moved = await update(client, { id, secret: { A: "s" }, variables: { B: "1" } });
    assert.deepEqual([moved.secret, moved.variables], [{ A: "" }, { B: "1" }]);
  },

  "a bound volume exists, and is not deleted while it is bound": async ({ client }) => {
    const { id } = await create(client);
    assertError(await client.update(id, { vfsId: "none" }), "VOLUME_NOT_FOUND");
    const vfsId = await volume(client);
    await update(client, { id, vfsId });
    const message = new RegExp(`function ${id} is bound to it`);
    const path = `/api/v1/vfs/volumes/${vfsId}`;
    assertError(await client.call("DELETE", path), "VOLUME_BOUND", message);
    ok(await client.call("DELETE", `/api/v1/functions/${id}`, {}));
    ok(await client.call("DELETE", path));
  },

  "a commit shows the limits that were in force when it was built": async ({ client }) => {
    const { id } = await create(client, { timeout: "5s" });
    const first = ok(await client.commit(id, { "main.ts": MAIN })).commit;
    assert.deepEqual(first.limits, { ...DEFAULT_LIMITS, timeout: "5s" });
    const content = { "main.ts": btoa(MAIN) };
    const change = { function: { id, timeout: "7s" }, content };
    const second = ok(await client.post(UPDATE, change)).commit;
    assert.deepEqual(second.limits, { ...DEFAULT_LIMITS, timeout: "7s" });
    const { list } = ok(await client.get(`/api/v1/functions/${id}/commits`));
    assert.deepEqual(list.map((commit: Json) => commit.limits.timeout), ["7s", "5s"]);
  },

  "an invocation has the limits of its function, and errors name them": async ({ client }) => {
    const id = await client.deploy(
      `export default async ({ ms = 0, mib = 0 }: any) => {
        const held = Array.from({ length: mib }, () => new Uint8Array(1024 * 1024).fill(1));
        await new Promise((resolve) => setTimeout(resolve, ms));
        return { held: held.length };
      };`,
    );
    await update(client, { id, timeout: "2s", memoryMib: 64 });
    const call = async (input: Json) => {
      const { invocationId } = ok(await client.invoke(id, input));
      return await client.invocation(id, invocationId);
    };
    const late = await call({ ms: 10_000 });
    assert.match(late.error, /^TIMEOUT: .* limit of 2 s \(timeout of the function\)$/);
    // A busy machine takes longer to fill the memory.
    await update(client, { id, timeout: "60s", memoryMib: 64 });
    const large = await call({ mib: 150 });
    assert.match(large.error, /^OUT_OF_MEMORY: .* of 64 MiB \(memoryMib of the function\)$/);
    assert.deepEqual(large.limits, { ...DEFAULT_LIMITS, timeout: "60s", memoryMib: 64 });
    await update(client, { id, timeout: "0s", memoryMib: 256 });
    const held = await call({ mib: 150 });
    assert.deepEqual(held.output, { held: 150 }, held.error);
    assert.deepEqual(held.limits, { ...DEFAULT_LIMITS, memoryMib: 256 });
  },

  "a function reads its variables": async ({ client }) => {
    const id = await client.deploy(VARIABLES);
    const read = async () => await outputOf(client, id);
    assert.deepEqual(await read(), {});
    const variables = { STAGE: "test", EMPTY: "", "a.b-c": "\u0000é" };
    await update(client, { id, variables });
    assert.deepEqual(await read(), variables);
    await update(client, { id, processReuse: "PROCESS_REUSE_SEQUENTIAL", variables: { N: "1" } });
    assert.deepEqual(await read(), { N: "1" });
    await update(client, { id, variables: {} });
    assert.deepEqual(await read(), {});
  },

  "an invocation that names no volume gets the bound one": async ({ client }) => {
    const id = await client.deploy(
      `import { vfs } from "@c1/functions-sdk";
      export default async () => { await vfs.writeTextFile("a", "b"); return {}; };`,
    );
    const vfsId = await volume(client);
    await update(client, { id, vfsId });
    const { invocationId } = ok(await client.invoke(id));
    const bound = await client.invocation(id, invocationId);
    assert.deepEqual([bound.vfsId, bound.vfsVersionWritten], [vfsId, 1], bound.error);
    const other = await volume(client);
    const named = ok(await client.invoke(id, {}, {}, { vfsId: other })).invocationId;
    assert.equal((await client.invocation(id, named)).vfsId, other);
  },

  "maxConcurrency holds, queues in order, and delays no other function": async ({ client }) => {
    const id = await client.deploy(HANG);
    const other = await client.deploy(ECHO);
    await update(client, { id, maxConcurrency: 1 });
    const background = { prefer: "respond-async" };
    const start = async () => ok(await client.invoke(id, {}, background)).invocationId;
    const [running, waiting] = [await start(), await start()];
    const statusOf = async (invocation: string) => (await client.invocation(id, invocation)).status;
    assert.deepEqual(ok(await client.invoke(other, { n: 1 })).json, btoa(`{"n":1}`));
    assert.match(await statusOf(waiting), /_PENDING$/);
    const cancel = (invocation: string) =>
      client.post(`/api/v1/functions/${id}/invocations/${invocation}/cancel`, {});
    ok(await cancel(running));
    await eventually(async () => /_RUNNING$/.test(await statusOf(waiting)) || undefined, "a slot");
    ok(await cancel(waiting));
  },
}, "limited");
