/** Migration 007 replaces the stored values `fresh` and `shared`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CamelCasePlugin, Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { migrationsOf } from "../../src/store/migrations/mod.ts";
import { openStore } from "../../src/store/mod.ts";
import { sqliteDialect } from "../../src/store/sqlite/dialect.ts";
import { makeTempDir } from "../support/invoked.ts";

const TIME = "2026-01-01T00:00:00.000Z";

/** Creates a database of version 006 with one function and one invocation for each value. */
async function createEarlierDatabase(file: string, values: readonly string[]): Promise<void> {
  const dialect = sqliteDialect(file);
  // deno-lint-ignore no-explicit-any -- the schema of an earlier version
  const db = new Kysely<any>({ dialect: dialect.writer, plugins: [new CamelCasePlugin()] });
  const provider = { getMigrations: () => Promise.resolve(migrationsOf(dialect)) };
  const { error } = await new Migrator({ db, provider }).migrateTo("006_reuse");
  assert.equal(error, undefined);
  for (const isolation of values) {
    const times = { createdAt: TIME, updatedAt: TIME };
    await db.insertInto("functions").values({
      ...times,
      id: `function-${isolation}`,
      displayName: isolation,
      description: "",
      functionType: "FUNCTION_TYPE_ANY",
      isDraft: 0,
      outboundNetworkAllowlist: "[]",
      provisionedConcurrency: 0,
      scopedRoleIds: "[]",
      isolation,
    }).execute();
    await db.insertInto("commits").values({
      id: `commit-${isolation}`,
      functionId: `function-${isolation}`,
      message: "",
      author: "",
      createdAt: TIME,
      expiresAt: TIME,
    }).execute();
    await db.insertInto("invocations").values({
      ...times,
      id: `invocation-${isolation}`,
      functionId: `function-${isolation}`,
      commitId: `commit-${isolation}`,
      principalId: "principal",
      mode: "sync",
      status: "SUCCESS",
      input: "{}",
      output: "{}",
      isolation,
    }).execute();
  }
  await db.destroy();
  await dialect.close();
}

Deno.test("fresh and shared become PROCESS_REUSE_NONE and PROCESS_REUSE_SEQUENTIAL", async () => {
  await using directory = await makeTempDir();
  await createEarlierDatabase(join(directory.path, "invoked.db"), ["fresh", "shared"]);
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
