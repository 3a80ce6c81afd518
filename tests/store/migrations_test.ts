/** Migrations that change or add rows. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Dialect } from "../../src/store/dialect.ts";
import { openStore } from "../../src/store/mod.ts";
import { sqliteDialect } from "../../src/store/sqlite/dialect.ts";
import {
  assertErrorCodes,
  assertRoleIds,
  createEarlierDatabase,
  createWithoutErrorCodes,
  createWithRoleNames,
  type EarlierDatabase,
  insertFunction,
  TIME,
} from "../support/earlier_database.ts";
import { makeTempDir } from "../support/invoked.ts";

function databaseIn(directory: string): Dialect {
  return sqliteDialect(join(directory, "invoked.db"));
}

async function insertWithIsolation(db: EarlierDatabase, isolation: string): Promise<void> {
  await insertFunction(db, isolation, { isolation });
  await db.insertInto("invocations").values({
    id: `invocation-${isolation}`,
    functionId: `function-${isolation}`,
    commitId: `commit-${isolation}`,
    principalId: "principal",
    mode: "sync",
    status: "SUCCESS",
    input: "{}",
    output: "{}",
    createdAt: TIME,
    updatedAt: TIME,
    isolation,
  }).execute();
}

Deno.test("fresh and shared become PROCESS_REUSE_NONE and PROCESS_REUSE_SEQUENTIAL", async () => {
  await using directory = await makeTempDir();
  await createEarlierDatabase(databaseIn(directory.path), "006_reuse", async (db) => {
    await insertWithIsolation(db, "fresh");
    await insertWithIsolation(db, "shared");
  });
  await using store = await openStore(directory.path);
  const { functions, invocations } = store.read;
  const valuesOf = async (isolation: string) => [
    (await functions.get(`function-${isolation}`))?.processReuse,
    (await invocations.get(`function-${isolation}`, `invocation-${isolation}`))?.processReuse,
  ];
  assert.deepEqual(await valuesOf("fresh"), ["PROCESS_REUSE_NONE", "PROCESS_REUSE_NONE"]);
  assert.deepEqual(
    await valuesOf("shared"),
    ["PROCESS_REUSE_SEQUENTIAL", "PROCESS_REUSE_SEQUENTIAL"],
  );
});

Deno.test("an idempotency key stays, and does not keep its invocation", async () => {
  await using directory = await makeTempDir();
  const key = {
    principalId: "principal",
    functionId: "function-keyed",
    key: "once",
    invocationId: "000-keyed",
    requestHash: "hash",
    createdAt: TIME,
  };
  await createEarlierDatabase(databaseIn(directory.path), "011_settings", async (db) => {
    await insertFunction(db, "keyed", {});
    await db.insertInto("invocations").values({
      id: "000-keyed",
      functionId: "function-keyed",
      commitId: "commit-keyed",
      principalId: "principal",
      mode: "sync",
      status: "SUCCESS",
      input: "{}",
      createdAt: TIME,
      updatedAt: TIME,
    }).execute();
    await db.insertInto("idempotencyKeys").values(key).execute();
  });
  await using store = await openStore(directory.path);
  const ended = { functionId: "function-keyed", before: "2106-01-01T00:00:00.000Z" };
  const { invocations } = await store.write((tx) =>
    tx.purges.eraseInvocations(ended, "", undefined)
  );
  const { read } = store;
  assert.deepEqual(
    [invocations, await read.invocations.get("function-keyed", "000-keyed")],
    [1, undefined],
  );
  assert.deepEqual(
    await read.invocations.idempotencyKey("principal", "function-keyed", "once"),
    key,
  );
});

Deno.test("credentials become clients with the id and name of their principal", async () => {
  await using directory = await makeTempDir();
  await createEarlierDatabase(databaseIn(directory.path), "010_publishes", async (db) => {
    const principal = { id: "principal", displayName: "Administrator", roles: '["administrator"]' };
    await db.insertInto("servicePrincipals").values({ ...principal, createdAt: TIME }).execute();
    await db.insertInto("credentials").values({
      clientId: "calm-otter-1@localhost/spc",
      principalId: "principal",
      secretHash: "hash",
      publicJwk: "{}",
      createdAt: TIME,
    }).execute();
  });
  await using store = await openStore(directory.path);
  const client = await store.read.identity.client("calm-otter-1@localhost/spc");
  const times = { createdAt: TIME, updatedAt: TIME, deletedAt: null };
  assert.deepEqual({ ...client?.credential }, {
    id: "principal",
    clientId: "calm-otter-1@localhost/spc",
    principalId: "principal",
    displayName: "Administrator",
    kind: "secret",
    scopedRoles: "[]",
    disabled: 0,
    secretHash: "hash",
    publicJwk: "{}",
    allowSourceCidrs: "[]",
    approverClientId: null,
    requireDpop: 0,
    ...times,
    expiresAt: null,
  });
  assert.deepEqual({ ...client?.principal }, {
    id: "principal",
    kind: "service",
    displayName: "Administrator",
    email: "",
    username: "",
    issuer: null,
    subject: null,
    roles: '["0000000000000000systemowner"]',
    groupRoles: "[]",
    groupsConfirmedAt: null,
    disabled: 0,
    ...times,
    lastSignInAt: null,
  });
});

Deno.test("a commit that is published already is the first in the history of publishes", async () => {
  await using directory = await makeTempDir();
  await createEarlierDatabase(
    databaseIn(directory.path),
    "009_process_kind",
    async (db) => {
      await insertFunction(db, "live", { publishedCommitId: "commit-live" });
      await insertFunction(db, "draft", { isDraft: 1 });
    },
  );
  await using store = await openStore(directory.path);
  const page = { size: 10, after: undefined };
  const publishesOf = (name: string) => store.read.functions.publishes(`function-${name}`, page);
  const [first, ...others] = (await publishesOf("live")).rows;
  assert.deepEqual(
    [first?.commitId, first?.previousCommitId, first?.publishedAt, first?.message],
    ["commit-live", null, null, "made for live"],
  );
  assert.deepEqual(others, []);
  assert.deepEqual((await publishesOf("draft")).rows, []);
});

Deno.test("a reached limit that was recorded as a type error becomes a reason", async () => {
  await using directory = await makeTempDir();
  const recorded = {
    memory: "the build needs more memory than its limit of 1 GiB (--build-memory)",
    time: "the build took longer than its limit of 1 min (--build-timeout)",
    real: "Type 'number' is not assignable to type 'string'.",
  };
  await createEarlierDatabase(
    databaseIn(directory.path),
    "023_queued_times",
    async (db) => {
      for (const [name, message] of Object.entries(recorded)) {
        await insertFunction(db, name, {});
        await db.updateTable("commits")
          .set({ typeCheck: "CHECKED", typeDiagnostics: JSON.stringify([{ message }]) })
          .where("id", "=", `commit-${name}`).execute();
      }
    },
  );
  await using store = await openStore(directory.path);
  const reasonOf = async (name: string) => {
    const row = await store.read.commits.get(`function-${name}`, `commit-${name}`);
    const unchecked = row?.typeUnchecked ?? undefined;
    return [row?.typeCheck, unchecked === undefined ? undefined : JSON.parse(unchecked).reason];
  };
  assert.deepEqual(await reasonOf("memory"), [null, "OUT_OF_MEMORY"]);
  assert.deepEqual(await reasonOf("time"), [null, "TIMEOUT"]);
  assert.deepEqual(await reasonOf("real"), ["CHECKED", undefined]);
});

Deno.test("answers from 500 on count as failures in the history of an earlier version", async () => {
  await using directory = await makeTempDir();
  const answers = {
    "500": { path: "/", status: 500 },
    "404": { path: "/", status: 404 },
    left: { path: "/", status: null },
    // What a client sends is escaped in the record.
    sly: { path: '/","status":500,"', status: 200, requestBody: '"status":500,\0' },
  };
  await createEarlierDatabase(
    databaseIn(directory.path),
    "023_queued_times",
    async (db) => {
      await insertFunction(db, "web", {});
      const row = {
        functionId: "function-web",
        commitId: "commit-web",
        principalId: "principal",
        mode: "sync",
        input: "{}",
        createdAt: TIME,
        updatedAt: TIME,
      };
      for (const [name, { path, status, ...body }] of Object.entries(answers)) {
        const sizes = { requestBytes: 0, responseBytes: 0 };
        const http = JSON.stringify({ method: "GET", path, status, ...sizes, ...body });
        const ended = { id: `000-${name}`, status: "SUCCESS", output: "{}", http };
        await db.insertInto("invocations").values({ ...row, ...ended }).execute();
      }
      const http = JSON.stringify({ method: "GET", path: "/", status: 500, requestBytes: 0 });
      const failed = { id: "000-threw", status: "ERROR", error: "UNCAUGHT: x", http };
      await db.insertInto("invocations").values({ ...row, ...failed }).execute();
    },
  );
  await using store = await openStore(directory.path);
  const flags = await Promise.all(
    [...Object.keys(answers), "threw"].map(async (name) =>
      (await store.read.invocations.get("function-web", `000-${name}`))?.failedAnswer
    ),
  );
  // The words of errors count the last one.
  assert.deepEqual(flags, [0, 1, 0, 0, 0]);
});

Deno.test("failures of an earlier version get their error codes", async () => {
  await using directory = await makeTempDir();
  await createWithoutErrorCodes(databaseIn(directory.path));
  await using store = await openStore(directory.path);
  await assertErrorCodes(store);
});

Deno.test("roles get ids, clients keep their secrets and rights, and functions go on reading", async () => {
  await using directory = await makeTempDir();
  await createWithRoleNames(databaseIn(directory.path));
  await using store = await openStore(directory.path);
  await assertRoleIds(store);
});
