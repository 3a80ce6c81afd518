import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, DEFAULT_LIMITS, MAIN, ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";

const UPDATE = "/api/v1/functions/update";

async function create(client: Client, settings: Json = {}): Promise<Json> {
  return ok(await client.post("/api/v1/functions", { displayName: "settings", ...settings }))
    .function;
}

async function update(client: Client, fn: Json, updateMask?: string): Promise<Json> {
  return ok(await client.post(UPDATE, { function: fn, updateMask })).function;
}

async function volume(client: Client): Promise<string> {
  return ok(await client.post("/api/v1/vfs/volumes", { displayName: "data" })).volume.id;
}

serverSuite("settings of a function", {
  flags: ["--max-timeout", "5m", "--max-memory", "256MiB"],
}, {
  "without any, the defaults of the server are in force": async ({ client }) => {
    const fn = await create(client);
    assert.deepEqual(fn.effectiveLimits, DEFAULT_LIMITS);
    assert.deepEqual(fn.variables, {});
    for (const field of ["timeout", "cpuTimeout", "memoryMib", "maxConcurrency", "vfsId"]) {
      assert.equal(field in fn, false, field);
    }
  },

  "they are set on create and on update, and read back": async ({ client }) => {
    const wanted = {
      timeout: "90s",
      cpuTimeout: "2s",
      memoryMib: 256,
      maxConcurrency: 4,
      vfsId: await volume(client),
      variables: { STAGE: "test", EMPTY: "", __proto: "x" },
    };
    const fn = await create(client, wanted);
    const limits = { timeout: "90s", cpuTimeout: "2s", memoryMib: 256, maxConcurrency: 4 };
    assert.deepEqual({ ...fn, ...wanted }, fn);
    assert.deepEqual(fn.effectiveLimits, limits);
    const { id } = await create(client);
    assert.deepEqual((await update(client, { id, ...wanted })).effectiveLimits, limits);
    const changed = await update(client, { id, timeout: "1.5s" }, "timeout,memory_mib");
    assert.deepEqual(changed.effectiveLimits, { ...limits, timeout: "1.500s", memoryMib: 128 });
    const cleared = await update(client, { id, displayName: "settings" }, "*");
    assert.deepEqual(cleared.effectiveLimits, DEFAULT_LIMITS);
    assert.deepEqual([cleared.vfsId, cleared.variables], [undefined, {}]);
    const zeros = { timeout: "0s", cpuTimeout: "0s", memoryMib: 0, maxConcurrency: 0, vfsId: "" };
    const zeroed = await update(client, { id, ...zeros });
    assert.deepEqual(zeroed.effectiveLimits, DEFAULT_LIMITS);
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
      ["maxConcurrency", 33, /33 calls is not between 1 call and 32 calls \(--max-running-per-f/],
    ] as const;
    for (const [field, value, message] of cases) {
      const answer = await client.post(UPDATE, { function: { id, [field]: value } });
      const expected = { fields: [`function.${field}`], message };
      assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", expected);
      const created = await client.post("/api/v1/functions", { displayName: "x", [field]: value });
      assertError(created, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: [field], message });
    }
    const both = await client.post(UPDATE, { function: { id, timeout: "301s", memoryMib: 257 } });
    const fields = ["function.timeout", "function.memoryMib"];
    assertError(both, "INVALID_ARGUMENT", "INVALID_FIELD", { fields });
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
      const answer = await client.post(UPDATE, { function: { id, [field]: value } });
      const message = new RegExp(`^function\\.${field}`);
      assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { message });
    }
  },

  "a name is that of a secret or of a variable": async ({ client }) => {
    const { id } = await create(client, { variables: { A: "1" } });
    const asSecret = await client.post(UPDATE, { function: { id, secret: { A: "s" } } });
    const secretFields = { fields: ["function.secret.A"], message: /is the name of a variable/ };
    assertError(asSecret, "INVALID_ARGUMENT", "INVALID_FIELD", secretFields);
    await update(client, { id, secret: { B: "s" } });
    const asVariable = await client.post(UPDATE, { function: { id, variables: { B: "1" } } });
    const variableFields = { fields: ["function.variables.B"], message: /is the name of a secret/ };
    assertError(asVariable, "INVALID_ARGUMENT", "INVALID_FIELD", variableFields);
    const kept = ok(await client.get(`/api/v1/functions/${id}`)).function;
    assert.deepEqual([kept.secret, kept.variables], [{ B: "" }, { A: "1" }]);
    const moved = await update(client, { id, secret: { A: "s" }, variables: { B: "1" } });
    assert.deepEqual([moved.secret, moved.variables], [{ A: "" }, { B: "1" }]);
  },

  "a bound volume exists, and is not deleted while it is bound": async ({ client }) => {
    const { id } = await create(client);
    const unknown = await client.post(UPDATE, { function: { id, vfsId: "none" } });
    assertError(unknown, "NOT_FOUND", "VOLUME_NOT_FOUND");
    const vfsId = await volume(client);
    await update(client, { id, vfsId });
    const message = new RegExp(`function ${id} is bound to it`);
    const path = `/api/v1/vfs/volumes/${vfsId}`;
    assertError(await client.call("DELETE", path), "FAILED_PRECONDITION", "VOLUME_BOUND", {
      message,
    });
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
});
