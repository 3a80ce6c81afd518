/** A PostgreSQL that says nothing, without an end of its connections. */
import assert from "node:assert/strict";
import { STATEMENT_TIMEOUT_MS } from "../../src/store/postgres/connection.ts";
import type { Store } from "../../src/store/mod.ts";
import { StorageUnavailable } from "../../src/store/storage_health.ts";
import { functionRow, id } from "../store/conformance/rows.ts";
import { NO_USAGE } from "../store/conformance/usage.ts";
import { eventually, within } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { Relay } from "../support/relay.ts";
import { openPostgresStore } from "../support/stores.ts";

/** Less than the limit of a statement, with which silence would be noticed otherwise. */
const NOTICED_MS = STATEMENT_TIMEOUT_MS * 3 / 4;

const insert = (store: Store) =>
  store.write((tx) => tx.functions.insert(functionRow({ id: id(1) })));

Deno.test("connections to PostgreSQL that go silent", async (t) => {
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await TestPostgres.start());
  const relay = stack.use(await Relay.to(postgres.port));
  /** A store with a database of its own. */
  const open = async (port = postgres.port) => {
    const address = await postgres.database();
    const directory = stack.use(await makeTempDir());
    const url = address.replace(`:${postgres.port}/`, `:${port}/`);
    const store = await openPostgresStore(directory.path, url);
    return { store, database: new URL(address).pathname.slice(1) };
  };

  await t.step("are replaced, and a long statement is not silence", async () => {
    const [writing, idle, slow] = [await open(relay.port), await open(relay.port), await open()];
    await using _stores = stackOf(writing.store, idle.store, slow.store);
    const holding = postgres.query(
      "begin; lock table functions in exclusive mode; select pg_sleep(600)",
      slow.database,
    ).catch(() => {});
    const holders = () =>
      postgres.query<{ pid: number }>(
        "select pid from pg_stat_activity where wait_event = 'PgSleep'",
      );
    const holder = await eventually(async () => (await holders())[0], "the lock");
    const inserted = insert(slow.store);
    inserted.catch(() => {});
    relay.silence();
    const [lost] = await Promise.allSettled([
      within(insert(writing.store), "the loss of a statement", NOTICED_MS),
      eventually(() => idle.store.health.error, "the loss of an idle connection", NOTICED_MS),
    ]);
    assert.ok(lost.status === "rejected" && lost.reason instanceof StorageUnavailable);
    await postgres.query(`select pg_terminate_backend(${holder.pid})`);
    await holding;
    await inserted;
    assert.equal(slow.store.health.error, undefined);
    for (const { store } of [writing, idle]) {
      await store.health.available();
      await insert(store);
    }
  });

  await t.step("end with their server, whose last commit is decided once it goes on", async () => {
    const [working, closing] = [await open(), await open()];
    await using _store = working.store;
    const functionId = "in-doubt";
    assert.equal(await working.store.read.functions.any(), false);
    postgres.suspend();
    const reading = working.store.read.functions.any();
    const writing = working.store.write((tx) => {
      tx.usage.add({ day: "2026-01-31", functionId, principalId: "p", ...NO_USAGE });
    });
    writing.catch(() => {});
    await assert.rejects(within(reading, "the loss of a read", NOTICED_MS), StorageUnavailable);
    await assert.rejects(working.store.read.functions.any(), StorageUnavailable);
    const closed = Promise.resolve(closing.store[Symbol.asyncDispose]());
    await within(closed, "the end of a store", NOTICED_MS);
    postgres.resume();
    const isAcknowledged = await writing.then(() => true, () => false);
    const rows = await postgres.query("select 1 from usage", working.database);
    assert.equal(rows.length === 1, isAcknowledged);
    await working.store.health.available();
    await insert(working.store);
  });
});

function stackOf(...stores: readonly Store[]): AsyncDisposableStack {
  const stack = new AsyncDisposableStack();
  for (const store of stores) stack.use(store);
  return stack;
}
