/** Migrations, and what a start on PostgreSQL rejects. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { functionRow, id, PRINCIPAL } from "../store/conformance/rows.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestPgBouncer } from "../support/pgbouncer.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";

Deno.test("stores on PostgreSQL", async (t) => {
  await using postgres = await TestPostgres.start();

  await t.step("ten that start at once migrate a new database once", async () => {
    const url = await postgres.database();
    await using directories = new AsyncDisposableStack();
    const stores = await Promise.all(Array.from({ length: 10 }, async () => {
      const directory = directories.use(await makeTempDir());
      return directories.use(await openPostgresStore(directory.path, url, false));
    }));
    const [first, ...others] = stores;
    const now = new Date().toISOString();
    await first?.write((tx) => tx.identity.insertPrincipal(PRINCIPAL));
    for (const store of others) {
      await store.write((tx) =>
        tx.identity.insertKey({
          id: `k${others.indexOf(store)}`,
          purpose: "x",
          sealed: new Uint8Array([0, 255]),
          createdAt: now,
          signsFrom: null,
        })
      );
    }
    const keys = await stores.at(-1)?.read.identity.keys("x");
    assert.equal(keys?.length, 9);
    assert.deepEqual(Uint8Array.from(keys?.[0]?.sealed ?? []), new Uint8Array([0, 255]));
  });

  await t.step("a second server on the database of one that is alone is rejected", async () => {
    const url = await postgres.database();
    await using first = await makeTempDir();
    await using second = await makeTempDir();
    await using _store = await openPostgresStore(first.path, url);
    for (const exclusive of [true, false]) {
      await assert.rejects(
        openPostgresStore(second.path, url, exclusive),
        /^DatabaseError: database test_2 on 127\.0\.0\.1:\d+ is in use by another server, connected from 127\.0\.0\.1 since /,
      );
    }
  });

  await t.step("a database of a later version, or of another program, is rejected", async () => {
    const later = await postgres.database();
    await using directory = await makeTempDir();
    await (await openPostgresStore(directory.path, later))[Symbol.asyncDispose]();
    await postgres.query("insert into kysely_migration values ('999_later', '')", "test_3");
    await assert.rejects(
      openPostgresStore(directory.path, later),
      /written by a later version of invoked: it has the migration 999_later/,
    );
    const rejected =
      /^error: .*database test_3 on \S+ was written by a later version of invoked: it has the migration 999_later, .*; start the later version, or restore the backup from before the upgrade\n$/;
    const flags = ["--data", join(directory.path, "own"), "--database", later];
    for (const [code, ...command] of [[1, "serve", "--port", "0"], [3, "doctor"]] as const) {
      const run = await runInvoked([...command, ...flags]);
      assert.equal(run.code, code, run.stderr);
      assert.match(run.stderr.replace(/^\{.*\n/gm, ""), rejected);
    }
    const migrated = await runInvoked(["db", "migrate", "--database", later]);
    assert.deepEqual([migrated.code, migrated.stdout], [1, ""]);
    assert.match(migrated.stderr, rejected);
    const foreign = await postgres.database();
    await postgres.query("create table accounts (id int)", "test_4");
    await assert.rejects(openPostgresStore(directory.path, foreign), /was not written by invoked/);
  });

  await t.step("a pooler that shares connections between transactions is rejected", async () => {
    await using directory = await makeTempDir();
    const name = new URL(await postgres.database()).pathname.slice(1);
    for (const mode of ["transaction", "statement"]) {
      for (const roundRobin of ["0", "1"]) {
        await using pooler = await TestPgBouncer.start(postgres, {
          pool_mode: mode,
          server_round_robin: roundRobin,
          max_prepared_statements: roundRobin === "0" ? "0" : "100",
        });
        await assert.rejects(
          openPostgresStore(directory.path, pooler.url(name)),
          /^DatabaseError: database \w+ on \S+ is not supported: a pooler .*; set pool_mode = session, or /,
        );
      }
    }
  });

  await t.step("a pooler that keeps sessions works", async () => {
    await using first = await makeTempDir();
    await using second = await makeTempDir();
    const name = new URL(await postgres.database()).pathname.slice(1);
    await using pooler = await TestPgBouncer.start(postgres, {
      pool_mode: "session",
      max_prepared_statements: "0",
    });
    await using store = await openPostgresStore(first.path, pooler.url(name));
    for (let n = 0; n < 5; n++) {
      await store.write((tx) => tx.functions.insert(functionRow({ id: id(n) })));
      assert.notEqual(await store.read.functions.get(id(n)), undefined);
    }
    await assert.rejects(openPostgresStore(second.path, pooler.url(name)), /in use by another/);
  });
});
