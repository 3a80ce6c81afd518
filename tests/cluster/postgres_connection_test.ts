/** Connections to PostgreSQL that are lost, before, while and after a transaction commits. */
import assert from "node:assert/strict";
import type { Store } from "../../src/store/mod.ts";
import { StorageUnavailable } from "../../src/store/storage_health.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { Relay } from "../support/relay.ts";
import { openPostgresStore } from "../support/stores.ts";
import { functionRow, id } from "../store/conformance/rows.ts";
import { NO_USAGE } from "../store/conformance/usage.ts";

Deno.test("lost connections to PostgreSQL", async (t) => {
  // The relay reads statements.
  await using postgres = await TestPostgres.start({ tls: false });
  await using relay = await Relay.to(postgres.port);
  await using directory = await makeTempDir();
  const url = (await postgres.database()).replace(`:${postgres.port}/`, `:${relay.port}/`);
  await using store = await openPostgresStore(directory.path, url);
  let number = 0;
  /** Inserts a row; `before` runs in the transaction, after the insert. */
  const insert = (before: () => void = () => {}) => {
    const row = functionRow({ id: id(++number) });
    return store.write(async (tx) => {
      await tx.functions.insert(row);
      before();
    });
  };
  const isThere = async (second: number) =>
    (await postgres.query(`select 1 from functions where id = '${id(second)}'`, "test_1"))
      .length === 1;

  await t.step("a commit whose answer was lost is acknowledged, once", async () => {
    await insert(() => relay.cutAfter("commit"));
    assert.equal(await isThere(number), true);
  });
  await writable(store);

  await t.step("a commit that did not arrive fails, and leaves nothing", async () => {
    await assert.rejects(insert(() => relay.cutBefore("commit")), StorageUnavailable);
    assert.equal(await isThere(number), false);
  });
  await writable(store);

  /** A transaction that waits for no answer is sent with its commit, as one packet. */
  const addUsage = (to: Store, functionId: string) =>
    to.write((tx) => {
      tx.usage.add({ day: "2026-01-31", functionId, principalId: "p", ...NO_USAGE });
      return Promise.resolve();
    });
  const isAdded = async (functionId: string, database: string) =>
    (await postgres.query(`select 1 from usage where function_id = '${functionId}'`, database))
      .length === 1;

  await t.step("of a transaction in one packet, all is there or nothing", async () => {
    relay.swallow("toClient");
    const acknowledged = addUsage(store, "arrived");
    await eventually(async () => await isAdded("arrived", "test_1") || undefined, "the commit");
    relay.cut();
    await acknowledged;
    await writable(store);
    relay.cutBefore("commit");
    await assert.rejects(addUsage(store, "lost"), StorageUnavailable);
    assert.equal(await isAdded("lost", "test_1"), false);
  });
  await writable(store);

  await t.step("a failed commit stays failed, even if its backend outlives it", async () => {
    await using second = await makeTempDir();
    const address = await postgres.database();
    const database = new URL(address).pathname.slice(1);
    const relayed = address.replace(`:${postgres.port}/`, `:${relay.port}/`);
    // Nodes share the lock of the server, so the next connection does not end the backend for its lock.
    await using node = await openPostgresStore(second.path, relayed, false);
    const holding = postgres.query(
      "begin; lock table usage in exclusive mode; select pg_sleep(600)",
      database,
    ).catch(() => {});
    const backends = (where: string) =>
      postgres.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = '${database}' and ${where}`,
      );
    const [holder] = await eventually(async () => {
      const found = await backends("wait_event = 'PgSleep'");
      return found.length === 1 ? found : undefined;
    }, "the lock");
    const failed = assert.rejects(addUsage(node, "waiting"), StorageUnavailable);
    const [waiting] = await eventually(async () => {
      const found = await backends("wait_event_type = 'Lock' and query like 'insert%usage%'");
      return found.length === 1 ? found : undefined;
    }, "the wait for the lock");
    relay.cutClients();
    await failed;
    await postgres.query(`select pg_terminate_backend(${holder?.pid})`);
    await holding;
    await eventually(
      async () =>
        (await backends(`pid = ${waiting?.pid} and state <> 'idle'`)).length === 0 || undefined,
      "the end of the transaction",
    );
    assert.equal(await isAdded("waiting", database), false);
  });
  await writable(store);

  await t.step(
    "a user that does not see its own sessions is rejected, with the reason",
    async () => {
      await using second = await makeTempDir();
      const database = new URL(await postgres.database()).pathname.slice(1);
      await postgres.query(
        "create role acting; create role app login password 'app' in role acting; " +
          `alter role app set role = acting; alter database ${database} owner to acting`,
      );
      const relayed = postgres.url(database, "app", "app")
        .replace(`:${postgres.port}/`, `:${relay.port}/`);
      await assert.rejects(
        openPostgresStore(second.path, relayed),
        /user app acts as role acting, which neither sees .*; reset its role \(alter role app reset role\), or grant pg_read_all_stats and pg_signal_backend to acting$/,
      );
      await postgres.query("grant pg_read_all_stats, pg_signal_backend to acting");
      await using granted = await openPostgresStore(second.path, relayed);
      relay.cutAfter("commit");
      await addUsage(granted, "acting");
      assert.equal(await isAdded("acting", database), true);
    },
  );
  await writable(store);

  await t.step(
    "of a group whose commit got no answer, each write gets its own result",
    async () => {
      const results = await Promise.allSettled([
        insert(),
        store.write((tx) => tx.functions.insert(functionRow({ id: id(1) }))),
        insert(() => relay.cutAfter("commit")),
      ]);
      assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
      assert.equal(await isThere(number), true);
      assert.equal(await isThere(number - 1), true);
    },
  );
  await writable(store);

  await t.step(
    "statements of a transaction whose connection was lost never run in another",
    async () => {
      const failing = store.write(async (tx) => {
        await tx.functions.insert(functionRow({ id: id(500) }));
        relay.cut();
        await eventually(() => Promise.resolve(store.health.error), "the loss of the connection");
        await tx.functions.insert(functionRow({ id: id(501) }));
      });
      await assert.rejects(failing, StorageUnavailable);
      await writable(store);
      assert.deepEqual([await isThere(500), await isThere(501)], [false, false]);
    },
  );

  await t.step(
    "while PostgreSQL is away writes and reads fail as unavailable; then both work again",
    async () => {
      await postgres.stop("SIGQUIT");
      await assert.rejects(insert(), StorageUnavailable);
      await assert.rejects(insert(), /the database/);
      await assert.rejects(store.read.functions.any(), StorageUnavailable);
      assert.match(store.health.error?.message ?? "", /^the (?:connection to the )?database/);
      await postgres.restart();
      await writable(store);
      await insert();
      assert.equal(await isThere(number), true);
      assert.equal(await store.read.functions.any(), true);
    },
  );

  await t.step(
    "a database that becomes read-only takes no writes until it is writable again",
    async () => {
      await using second = await makeTempDir();
      await using other = await openPostgresStore(second.path, await postgres.database());
      const set = async (value: "on" | "off") => {
        await postgres.query(`alter system set default_transaction_read_only = ${value}`);
        await postgres.query("select pg_reload_conf()");
      };
      /** The error of a write on a connection that was open before. */
      const rejected = (write: () => Promise<unknown>) =>
        eventually(() => write().then(() => undefined, (error: Error) => error), "a rejection");
      await set("on");
      // A write that waits for an answer, and a transaction that waits for none.
      const errors = [await rejected(insert), await rejected(() => addUsage(other, "read-only"))];
      for (const error of errors) {
        assert.ok(error instanceof StorageUnavailable);
        assert.equal(error.message, "the database is read-only");
      }
      await assert.rejects(insert(), StorageUnavailable);
      assert.equal(await store.read.functions.any(), true);
      await set("off");
      for (const each of [store, other]) await writable(each);
      await insert();
      assert.equal(await isThere(number), true);
      await addUsage(other, "read-only");
    },
  );

  await t.step("the server keeps its lock over a lost connection", async () => {
    await using second = await makeTempDir();
    relay.cut();
    await writable(store);
    await assert.rejects(openPostgresStore(second.path, url), /is in use by another server/);
  });

  await t.step("a commit in doubt does not keep a server from closing", async () => {
    await using second = await makeTempDir();
    const other = await openPostgresStore(
      second.path,
      (await postgres.database())
        .replace(`:${postgres.port}/`, `:${relay.port}/`),
    );
    const inDoubt = other.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: id(1) }));
      await postgres.stop("SIGQUIT");
    });
    inDoubt.catch(() => {});
    await eventually(() => Promise.resolve(other.health.error), "the loss of the connection");
    await other[Symbol.asyncDispose]();
    await assert.rejects(inDoubt, StorageUnavailable);
    await postgres.restart();
  });
});

/** Resolves once the store takes writes. */
async function writable(store: Store): Promise<void> {
  await eventually(
    () => store.write((tx) => tx.nodes.deleteExpired()).then(() => true, () => undefined),
    "a write",
  );
}
