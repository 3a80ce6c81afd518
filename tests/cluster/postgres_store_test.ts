import assert from "node:assert/strict";
import type { Store } from "../../src/store/mod.ts";
import { postgresDialect } from "../../src/store/postgres/dialect.ts";
import { ROW_UPDATES_MAX } from "../../src/store/usage_rows.ts";
import {
  assertErrorCodes,
  assertRoleIds,
  createWithoutErrorCodes,
  createWithRoleNames,
} from "../support/earlier_database.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore, postgresOptions } from "../support/stores.ts";
import { testConformance } from "../store/conformance/mod.ts";
import { NO_USAGE } from "../store/conformance/usage.ts";

/** A locale that sorts and folds texts as people do: the store must not. */
const LOCALE = "template template0 locale_provider icu icu_locale 'und' locale 'C.UTF-8'";

/** Resolves once the text indexes are valid. */
async function indexed(postgres: TestPostgres, url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await eventually(async () => {
    const rows = await postgres.query(
      `select 1 from pg_index where indisvalid and indexrelid in
        (to_regclass('invocations_text'), to_regclass('invocation_logs_text'))`,
      name,
    );
    return rows.length === 2 || undefined;
  }, "the text indexes");
}

Deno.test("stores on PostgreSQL", async (t) => {
  await using postgres = await TestPostgres.start();
  const withStore = async (url: string, work: (store: Store) => Promise<void>) => {
    await using directory = await makeTempDir();
    await using store = await openPostgresStore(directory.path, url);
    await work(store);
  };

  await testConformance(t, async (work) => {
    const url = await postgres.database(LOCALE);
    await withStore(url, async (store) => {
      await indexed(postgres, url);
      await work(store);
    });
  });

  await t.step("of a user who may not create the text indexes", async (t) => {
    await postgres.query("create role plain login password 'pass-word'");
    await testConformance(t, async (work) => {
      const url = await postgres.database();
      await postgres.query(
        "grant create on schema public to plain",
        new URL(url).pathname.slice(1),
      );
      await withStore(url.replace("//invoked:", "//plain:"), work);
    }, ["search"]);
  });

  await t.step("no row of usage has more versions than an addition can read", async () => {
    const url = await postgres.database();
    await withStore(url, async (store) => {
      const sums = { ...NO_USAGE, invocations: 1 };
      const add = (functionId: string, count: number) =>
        store.write((tx) => {
          for (let n = 0; n < count; n++) {
            tx.usage.add({ day: "2026-01-31", functionId, principalId: "p", ...sums });
          }
          return Promise.resolve();
        });
      for (const count of [ROW_UPDATES_MAX, ROW_UPDATES_MAX, 1]) await add("often", count);
      await add("once", 1);
      const rows = await postgres.query(
        "select function_id, invocations from usage order by function_id, invocations",
        new URL(url).pathname.slice(1),
      );
      assert.deepEqual(rows.map((row) => [row["function_id"], Number(row["invocations"])]), [
        ["often", 1],
        ["often", ROW_UPDATES_MAX],
        ["often", ROW_UPDATES_MAX],
        ["once", 1],
      ]);
    });
  });

  await t.step(
    "a process numbers its transactions in one row, begun anew and deleted",
    async () => {
      const url = await postgres.database();
      const rows = (where = "true") =>
        postgres.query(
          `select writer, number from last_writes where ${where}`,
          new URL(url).pathname.slice(1),
        );
      await withStore(url, async (store) => {
        const write = () =>
          store.write((tx) => {
            tx.usage.add({ day: "2026-01-31", functionId: "f", principalId: "p", ...NO_USAGE });
            return Promise.resolve();
          });
        await write();
        const [first, ...others] = await rows();
        assert.deepEqual(others, []);
        const found = await store.write(async (tx) => {
          const owned = { id: "none", owner: "node", attempt: 1 };
          return [await tx.functions.get("none"), await tx.invocations.claim(owned, "w", "t")];
        });
        assert.deepEqual(found, [undefined, false]);
        // A transaction that changes nothing needs no number, and no sync.
        assert.deepEqual(await rows(), [first]);
        for (let n = 0; n < ROW_UPDATES_MAX; n++) await write();
        const [last, ...more] = await rows();
        assert.deepEqual(more, []);
        assert.notEqual(last?.["writer"], first?.["writer"]);
        assert.ok(Number(last?.["number"]) < ROW_UPDATES_MAX);
      });
      assert.deepEqual(await rows(), []);

      // Rows of processes that were killed.
      await postgres.query(
        `insert into last_writes (writer, number, written_at) values
        ('long ago', 1, '2020-01-01T00:00:00.000Z'), ('recent', 1, '${new Date().toISOString()}')`,
        new URL(url).pathname.slice(1),
      );
      await withStore(url, async () => {
        const named = await rows("writer in ('long ago', 'recent')");
        assert.deepEqual(named.map(({ writer }) => writer), ["recent"]);
      });
    },
  );

  await t.step("failures of an earlier version get their error codes", async () => {
    const url = await postgres.database();
    await createWithoutErrorCodes(await postgresDialect(postgresOptions(url)));
    await withStore(url, assertErrorCodes);
  });

  await t.step(
    "roles of an earlier version get ids, and everybody keeps their rights",
    async () => {
      const url = await postgres.database();
      await createWithRoleNames(await postgresDialect(postgresOptions(url)));
      await withStore(url, assertRoleIds);
    },
  );
});
