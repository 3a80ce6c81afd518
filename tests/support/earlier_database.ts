/** Databases as earlier versions left them. */
import assert from "node:assert/strict";
import { CamelCasePlugin, Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Dialect } from "../../src/store/dialect.ts";
import { MIGRATIONS } from "../../src/store/migrations/mod.ts";
import type { Store } from "../../src/store/mod.ts";

export const TIME = "2026-01-01T00:00:00.000Z";

// deno-lint-ignore no-explicit-any -- the schema of an earlier version
export type EarlierDatabase = Kysely<any>;

/** Creates a database as it was after a migration, and closes it. */
export async function createEarlierDatabase(
  dialect: Dialect,
  migration: string,
  fill: (db: EarlierDatabase) => Promise<void>,
): Promise<void> {
  const db: EarlierDatabase = new Kysely({
    dialect: dialect.writer,
    plugins: [new CamelCasePlugin()],
  });
  const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) };
  const { error } = await new Migrator({ db, provider }).migrateTo(migration);
  assert.equal(error, undefined);
  await fill(db);
  await db.destroy();
  await dialect.close();
}

/** A function with one commit. */
export async function insertFunction(
  db: EarlierDatabase,
  name: string,
  columns: Readonly<Record<string, unknown>>,
): Promise<void> {
  await db.insertInto("functions").values({
    id: `function-${name}`,
    displayName: name,
    description: "",
    functionType: "FUNCTION_TYPE_ANY",
    isDraft: 0,
    outboundNetworkAllowlist: "[]",
    provisionedConcurrency: 0,
    scopedRoleIds: "[]",
    createdAt: TIME,
    updatedAt: TIME,
    ...columns,
  }).execute();
  await db.insertInto("commits").values({
    id: `commit-${name}`,
    functionId: `function-${name}`,
    message: `made for ${name}`,
    author: "",
    createdAt: TIME,
    expiresAt: TIME,
  }).execute();
}

const FAILURES: Readonly<Record<string, string>> = {
  threw: "UNCAUGHT: Error: HTTP_5XX: it broke",
  quota: "VFS_QUOTA: over",
  empty: "TIMEOUT: ",
};

/** Creates a database of the version before the column of error codes, with invocations that failed, and one that did not. */
export async function createWithoutErrorCodes(dialect: Dialect): Promise<void> {
  await createEarlierDatabase(dialect, "028_build_warnings", async (db) => {
    await insertFunction(db, "failing", {});
    const row = {
      functionId: "function-failing",
      commitId: "commit-failing",
      principalId: "principal",
      mode: "sync",
      input: "{}",
      createdAt: TIME,
      updatedAt: TIME,
    };
    const failed = Object.entries(FAILURES).map(([name, error]) => ({
      ...row,
      ...{ id: `000-${name}`, status: "ERROR", error },
    }));
    await db.insertInto("invocations").values(failed).execute();
    const ended = { id: "000-fine", status: "SUCCESS", output: "{}", failedAnswer: 1 };
    await db.insertInto("invocations").values({ ...row, ...ended }).execute();
  });
}

/** Asserts that the codes of {@link createWithoutErrorCodes} were filled in. */
export async function assertErrorCodes({ read: { invocations } }: Store): Promise<void> {
  const codes = [...Object.keys(FAILURES), "fine"].map(async (name) =>
    (await invocations.row(`000-${name}`))?.errorCode
  );
  assert.deepEqual(await Promise.all(codes), ["UNCAUGHT", "VFS_QUOTA", "TIMEOUT", null]);
}
