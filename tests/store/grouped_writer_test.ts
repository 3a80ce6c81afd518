/** Transactions and syncs of `src/store/grouped_writer.ts`. */
import assert from "node:assert/strict";
import { Kysely } from "kysely";
import { type Durability, GroupedWriter } from "../../src/store/grouped_writer.ts";
import type { Schema } from "../../src/store/schema.ts";
import { sqliteDialect } from "../../src/store/sqlite/dialect.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";

/** Timers that fire when the test says so, however long a busy machine takes. Disposing it gives the others back. */
class HeldTimers implements Disposable {
  readonly #callbacks: (() => void)[] = [];
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    const hold = (callback: () => void) => this.#callbacks.push(callback);
    globalThis.setTimeout = hold as unknown as typeof setTimeout;
  }

  fire(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

Deno.test("writes wait for work between transactions, and continue after its failure", async () => {
  await using directory = await makeTempDir();
  const dialect = sqliteDialect(`${directory.path}/a.db`);
  const db = new Kysely<Schema>({ dialect: dialect.writer });
  const writer = new GroupedWriter(dialect.statements, () => Promise.resolve());
  const events: string[] = [];
  const write = (name: string) =>
    writer.write(async () => {
      await Promise.resolve();
      events.push(name);
    }, "durable");

  const first = write("first");
  const rest = Promise.withResolvers<void>();
  const work = writer.betweenTransactions(async () => {
    events.push("work begins");
    await rest.promise;
    events.push("work ends");
  });
  const second = write("second");
  await eventually(() => events.includes("work begins") || undefined, "the work");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(events.filter((name) => name !== "first"), ["work begins"]);
  rest.resolve();
  await Promise.all([first, work, second]);
  assert.ok(events.indexOf("second") > events.indexOf("work ends"));

  const failing = writer.betweenTransactions(() => Promise.reject(new Error("disk full")));
  const throwing = writer.betweenTransactions(() => {
    throw new Error("database is locked");
  });
  const third = write("third");
  await assert.rejects(failing, /disk full/);
  await assert.rejects(throwing, /database is locked/);
  await third;
  await writer.betweenTransactions(() => Promise.resolve());
  await writer.settled();
  await db.destroy();
  await dialect.close();
});

Deno.test("a write that is acknowledged at its commit shares the sync of the next durable write, or has one soon", async () => {
  await using directory = await makeTempDir();
  const dialect = sqliteDialect(`${directory.path}/a.db`);
  let syncs = 0;
  const writer = new GroupedWriter(dialect.statements, () => {
    syncs++;
    return Promise.resolve();
  });
  const write = (durability: Durability) => writer.write(() => Promise.resolve(), durability);

  {
    using timers = new HeldTimers();
    await write("committed");
    assert.equal(syncs, 0);
    await write("durable");
    assert.equal(syncs, 1);

    await write("committed");
    assert.equal(syncs, 1);
    timers.fire();
  }
  await eventually(() => syncs === 2 || undefined, "the sync of a write without a durable one");

  await write("committed");
  await writer.settled();
  assert.equal(syncs, 3);
  await dialect.close();
});

Deno.test("a write whose timer passes during a long sync has a sync of its own soon", async () => {
  await using directory = await makeTempDir();
  const dialect = sqliteDialect(`${directory.path}/a.db`);
  const begun = Promise.withResolvers<void>();
  const long = Promise.withResolvers<void>();
  let syncs = 0;
  const writer = new GroupedWriter(dialect.statements, () => {
    begun.resolve();
    return ++syncs === 1 ? long.promise : Promise.resolve();
  });
  const write = (durability: Durability) => writer.write(() => Promise.resolve(), durability);
  {
    using timers = new HeldTimers();
    const durable = write("durable");
    await begun.promise;
    await write("committed");
    timers.fire();
    long.resolve();
    await durable;
    timers.fire();
  }
  await eventually(() => syncs === 2 || undefined, "the sync of the committed write");
  await writer.settled();
  await dialect.close();
});

Deno.test("a rollback that fails rejects its writes, and no later ones", async () => {
  await using directory = await makeTempDir();
  const dialect = sqliteDialect(`${directory.path}/a.db`);
  const { statements } = dialect;
  let failures = 1;
  const writer = new GroupedWriter({
    begin: () => statements.begin(),
    commit: () => statements.commit(),
    run: (sql, parameters) => statements.run(sql, parameters),
    send: (sql, parameters) => statements.send(sql, parameters),
    sendChange: (sql, parameters) => statements.sendChange(sql, parameters),
    lock: (names) => statements.lock(names),
    mayRetry: (error) => statements.mayRetry(error),
    get inTransaction() {
      return statements.inTransaction;
    },
    rollback() {
      if (failures-- > 0) throw new Error("the rollback failed");
      return statements.rollback();
    },
  }, () => Promise.resolve());
  const failing = () => writer.write(() => Promise.reject(new Error("first")), "durable");
  await assert.rejects(failing(), /^Error: first$/);
  // Its transaction is still open, so the next one does not begin, and is rolled back with it.
  await assert.rejects(writer.write(() => Promise.resolve(), "durable"));
  await writer.write(() => Promise.resolve(), "durable");
  await writer.settled();
  await dialect.close();
});
