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

/** More than a connection may take to be opened, with `connect_timeout=2`. */
const PAUSE_MS = 3_000;
/** A statement that takes longer than silence may, on a link that delays each 64 KiB by so much. */
const LARGE_BYTES = 8 * 1024 * 1024;
const SLOW_MS = 100;

/** Does nothing else meanwhile, as a process that gets no processor. */
function pause(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

const insert = (store: Store) =>
  store.write((tx) => tx.functions.insert(functionRow({ id: id(1) })));

Deno.test("connections to PostgreSQL that go silent", async (t) => {
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await TestPostgres.start());
  const relay = stack.use(await Relay.to(postgres.port));
  /** A store with a database of its own. */
  const open = async (port = postgres.port, parameters = "") => {
    const address = await postgres.database();
    const directory = stack.use(await makeTempDir());
    const url = `${address.replace(`:${postgres.port}/`, `:${port}/`)}${parameters}`;
    const store = await openPostgresStore(directory.path, url);
    return { store, database: new URL(address).pathname.slice(1) };
  };

  /** Holds a lock that inserts of functions wait for. @returns what ends it */
  const hold = async (database: string) => {
    const holding = postgres.query(
      "begin; lock table functions in exclusive mode; select pg_sleep(600)",
      database,
    ).catch(() => {});
    const holders = () =>
      postgres.query<{ pid: number }>(
        "select pid from pg_stat_activity where wait_event = 'PgSleep'",
      );
    const holder = await eventually(async () => (await holders())[0], "the lock");
    return async () => {
      await postgres.query(`select pg_terminate_backend(${holder.pid})`);
      await holding;
    };
  };

  await t.step("are replaced, and a long statement is not silence", async () => {
    const [writing, idle, slow] = [await open(relay.port), await open(relay.port), await open()];
    await using _stores = stackOf(writing.store, idle.store, slow.store);
    const release = await hold(slow.database);
    const inserted = insert(slow.store);
    inserted.catch(() => {});
    relay.silence();
    const [lost] = await Promise.allSettled([
      within(insert(writing.store), "the loss of a statement", NOTICED_MS),
      eventually(() => idle.store.health.error, "the loss of an idle connection", NOTICED_MS),
    ]);
    assert.ok(lost.status === "rejected" && lost.reason instanceof StorageUnavailable);
    await release();
    await inserted;
    assert.equal(slow.store.health.error, undefined);
    for (const { store } of [writing, idle]) {
      await store.health.available();
      await insert(store);
    }
  });

  await t.step("are not what a pause of this process looks like", async () => {
    const { store, database } = await open(relay.port, "&connect_timeout=2");
    await using _store = store;
    const release = await hold(database);
    const inserted = insert(store);
    inserted.catch(() => {});
    for (let look = 0; look < 3; look++) {
      const { accepted } = relay;
      await eventually(
        () => relay.accepted > accepted || undefined,
        "a look",
        STATEMENT_TIMEOUT_MS,
      );
      pause(PAUSE_MS);
    }
    await release();
    await inserted;
    assert.equal(store.health.error, undefined);
  });

  await t.step("are not what a large statement on a slow link looks like", async () => {
    const { store } = await open(relay.port);
    await using _store = store;
    await insert(store);
    const put = (bytes: number) =>
      store.write((tx) => tx.functions.putSecret(id(1), "S", new Uint8Array(bytes)));
    // From the third run on, the statement is prepared: PostgreSQL does not know that it is being sent.
    for (let run = 0; run < 2; run++) await put(1);
    relay.slow(SLOW_MS);
    await put(LARGE_BYTES);
    relay.slow(0);
    assert.equal(store.health.error, undefined);
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
