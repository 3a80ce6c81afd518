/** Commands on PostgreSQL and an object store without a server on them: what they reject, and damaged backups. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PostgresReading } from "../../src/store/postgres/snapshot.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { postgresOptions } from "../support/stores.ts";
import { fileOf, LARGE, usedData } from "./used_data.ts";

/** Large rows that together have more than the heap of a command can have. */
const [ROWS, ROW_BYTES, HEAP_MIB] = [160, 1024 * 1024, 96];

Deno.test("a restore into PostgreSQL and an object store, and reading both", async (t) => {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await TestPostgres.start());
  const nats = opened.use(await TestNats.start());
  const data = opened.use(await usedData());
  const { path } = opened.use(await makeTempDir());
  const key = ["--master-key-file", join(data.path, "master.key")];
  const file = fileOf(LARGE);
  const damaged = join(path, "damaged.tar");
  await Deno.remove(join(data.path, file));
  assert.equal((await runInvoked(["backup", damaged, "--data", data.path])).code, 3);
  const url = await postgres.database();
  const shared = ["--data", join(path, "node"), "--database", url, ...key];

  await t.step("a restore sends what a damaged backup has", async () => {
    const flags = [...shared, ...nats.address.flags, "--accept-damage"];
    const { code, stdout, stderr } = await runInvoked(["restore", damaged, ...flags]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^content: blob ${file} is missing\n  volume `, "m"));
    const verified = await runInvoked(["verify", ...shared, ...nats.address.flags, "--json"]);
    assert.equal(verified.code, 3, verified.stderr);
    const { damages, contents } = JSON.parse(verified.stdout);
    assert.deepEqual(damages.map(({ kind }: { kind: string }) => kind), ["content"]);
    assert.match(
      damages[0].message,
      new RegExp(`^blob invoked_volumes/${file.split("/").slice(1).join("/")} is missing$`),
    );
    assert.ok(contents > 1);
  });

  await t.step("without --nats, contents of the object store are not taken for lost", async () => {
    for (const command of [["verify"], ["backup", join(path, "without.tar")]]) {
      const { code, stderr } = await runInvoked([...command, ...shared]);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /Nothing was read: the contents of .* are in the object store of NATS; name its URLs with --nats/,
      );
    }
  });

  await t.step("PostgreSQL rejects a row that names a missing row", async () => {
    {
      using db = new DatabaseSync(join(data.path, "invoked.db"), {
        enableForeignKeyConstraints: false,
      });
      db.exec("DELETE FROM volumes");
    }
    const archive = join(path, "dangling.tar");
    assert.equal((await runInvoked(["backup", archive, "--data", data.path])).code, 3);
    const restore = (...flags: readonly string[]) =>
      runInvoked(["restore", archive, ...key, "--accept-damage", ...flags]);
    const to = ["--data", join(path, "dangling")];
    const { code, stderr } = await restore(...to, "--database", await postgres.database());
    assert.equal(code, 1);
    assert.match(
      stderr,
      /has no row, because PostgreSQL rejects a row of the backup that names a missing row: .*volume.*\nnext: restore the backup into a data directory, without --database/,
    );
    const whole = await restore(...to);
    assert.equal(whole.code, 0, whole.stderr);
    assert.match(whole.stdout, /^reference: table volumes lacks the row /m);
  });

  await t.step("a backup has one row in memory at a time", async () => {
    await postgres.query(
      "insert into leases (name, holder, until) " +
        `select 'large-' || i, repeat('x', ${ROW_BYTES}), '' from generate_series(1, ${ROWS}) i`,
      new URL(url).pathname.slice(1),
    );
    const args = ["backup", join(path, "rows.tar"), ...shared, ...nats.address.flags];
    const { code, stdout, stderr } = await runInvoked([...args, "--json"], {
      env: { DENO_V8_FLAGS: `--max-old-space-size=${HEAP_MIB}` },
    });
    assert.equal(code, 3, stderr);
    assert.ok(JSON.parse(stdout).bytes > ROWS * ROW_BYTES);
  });

  await t.step("a reader learns that its lock ended with a lost connection", async () => {
    await using reading = await PostgresReading.open(postgresOptions(url, false));
    await reading.holdContents(() => assert.fail("nobody deletes"));
    await reading.assertHeld();
    await postgres.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'",
    );
    await assert.rejects(reading.assertHeld(), /was lost meanwhile: /);
  });
});
