/** Data directories that a server must not open: nothing of them may change. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LAST_MIGRATION, takeMigrationsBack } from "../support/taken_back.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { fillDataDir } from "../support/server.ts";

/** A copy of the data directory of a server that ran once. */
async function usedDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = await makeTempDir();
  await fillDataDir(directory.path);
  return directory;
}

async function startFails(dataDir: string, message: RegExp, env = {}): Promise<void> {
  const { code, stderr, stdout } = await runInvoked(
    ["serve", "--port", "0", "--data", dataDir],
    { env },
  );
  assert.equal(code, 1, stdout + stderr);
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /forked/, "the end of the zygote is no fault of its forks");
}

/** Runs work on the database of a stopped server. */
function inDatabase<T>(dataDir: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(dataDir, "invoked.db"));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Everything that a migration changes. */
function schemaOf(dataDir: string): unknown {
  return inDatabase(dataDir, (db) => [
    db.prepare("select sql from sqlite_schema order by name").all(),
    db.prepare("select name from kysely_migration order by name").all(),
  ]);
}

/** Takes the last migration back, so that the next start has one to make. */
function takeLastMigrationBack(dataDir: string): void {
  takeMigrationsBack(join(dataDir, "invoked.db"));
}

Deno.test("a directory that was in use does not start without its database or its key", async (t) => {
  const cases: Record<string, readonly [(path: string) => Promise<void>, RegExp]> = {
    "without master.key": [
      (path) => Deno.remove(join(path, "master.key")),
      /^error: Data directory .* is incomplete: .*master\.key is missing, and the secrets .*master key; restore the file/m,
    ],
    "without a database": [
      (path) => Deno.remove(join(path, "invoked.db")),
      /^error: Data directory .* is incomplete: .*invoked\.db is missing, and .*credentials\.json shows.*; restore the database/m,
    ],
    "with an empty database": [
      (path) => Deno.truncate(join(path, "invoked.db")),
      /^error: Data directory .* is incomplete: .*invoked\.db is empty, and .*credentials\.json shows/m,
    ],
    "with a damaged database": [
      (path) => Deno.writeTextFile(join(path, "invoked.db"), "x".repeat(10_000)),
      /^error: .*file is not a database: .*\/invoked\.db$/m,
    ],
    "with a foreign database": [
      async (path) => {
        await Deno.remove(join(path, "invoked.db"));
        inDatabase(path, (db) => db.exec("create table foreign_table (x)"));
      },
      /^error: data directory .* was not written by invoked: it has other tables; /m,
    ],
  };
  for (const [name, [damage, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using directory = await usedDirectory();
      await damage(directory.path);
      const before = await namesIn(directory.path);
      await startFails(directory.path, message);
      assert.deepEqual(await namesIn(directory.path), before, "nothing is made anew");
    });
  }
});

async function namesIn(path: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  // The cache belongs to no state.
  return names.filter((name) => name !== "cache" && name !== "work").toSorted();
}

Deno.test("the database of a later version is rejected and stays as it is", async () => {
  await using directory = await usedDirectory();
  inDatabase(directory.path, (db) => {
    db.exec("insert into kysely_migration values ('999_of_the_future', '2030-01-01')");
  });
  const before = schemaOf(directory.path);
  await startFails(
    directory.path,
    new RegExp(
      "written by a later version of invoked: it has the migration 999_of_the_future, and version \\S+ " +
        `knows 001_initial to ${LAST_MIGRATION}; nothing was changed; start the later version, or restore`,
    ),
  );
  const doctor = await runInvoked(["doctor", "--json", "--data", directory.path]);
  assert.equal(doctor.code, 3, doctor.stderr);
  assert.match(
    JSON.parse(doctor.stdout).data.obstacles[0],
    /the migration 999_of_the_future, and /,
  );
  assert.deepEqual(schemaOf(directory.path), before);
});

Deno.test("another master key is noticed before the database is migrated", async () => {
  await using directory = await usedDirectory();
  takeLastMigrationBack(directory.path);
  const before = schemaOf(directory.path);
  await startFails(
    directory.path,
    /^error: The server did not start: server-key:.* was not decrypted: it was sealed under master key/m,
    {
      INVOKED_MASTER_KEY: randomBytes(32).toString("base64"),
    },
  );
  assert.deepEqual(schemaOf(directory.path), before);
});

Deno.test("the database of an early version is rejected by name before it is migrated", async () => {
  await using directory = await usedDirectory();
  takeLastMigrationBack(directory.path);
  const key = Buffer.from(await Deno.readTextFile(join(directory.path, "master.key")), "base64");
  inDatabase(directory.path, (db) => {
    for (const { id } of db.prepare("select id from server_keys").all()) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = [cipher.update(randomBytes(32)), cipher.final()];
      db.prepare("update server_keys set sealed = ? where id = ?")
        .run(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]), String(id));
    }
  });
  // As the directories of blobs were called then.
  await Deno.rename(join(directory.path, "commit-blobs"), join(directory.path, "blobs"));
  const before = [schemaOf(directory.path), await namesIn(directory.path)];
  await startFails(
    directory.path,
    /^error: Database too old: an early version of invoked 0\.1\.0 wrote it, before master keys could be rotated, .*; nothing was changed; start with a new data directory: .*$/m,
  );
  assert.deepEqual([schemaOf(directory.path), await namesIn(directory.path)], before);
});

Deno.test("migrations are made as a whole or not at all", async () => {
  await using directory = await usedDirectory();
  inDatabase(directory.path, (db) => {
    // The first of two migrations makes its tables, and then the second one finds its column.
    for (const table of ["console_sessions", "session_links"]) db.exec(`drop table ${table}`);
    db.exec("delete from kysely_migration where name >= '022'");
  });
  const before = schemaOf(directory.path);
  await startFails(
    directory.path,
    /^error: The server did not start: duplicate column name: queued_to/m,
  );
  assert.deepEqual(schemaOf(directory.path), before);
});
