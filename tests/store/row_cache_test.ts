/** Reads across changes of `RowCache` in `src/store/changes.ts`. */
import assert from "node:assert/strict";
import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { Changes } from "../../src/store/changes.ts";
import { RowCache } from "../../src/store/row_cache.ts";
import type { Schema } from "../../src/store/schema.ts";

/** A connection whose statements the cache hears of, and which runs none. */
function watchedBy(changes: Changes): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    plugins: [changes],
  });
}

Deno.test("a row is read once, and again after a change", async () => {
  const cache = new RowCache();
  let stored = { name: "old" };
  let reads = 0;
  const read = () =>
    cache.read("row", () => {
      reads++;
      return Promise.resolve({ ...stored });
    });
  await read();
  assert.deepEqual(await read(), { name: "old" });
  assert.equal(reads, 1);

  const changes = new Changes(cache);
  const db = watchedBy(changes);
  const write = { list: [], areKept: false, audited: undefined, mayAppend: false };
  changes.current = write;
  await db.deleteFrom("invocations").execute();
  assert.deepEqual(await read(), { name: "old" });
  assert.deepEqual([reads, write.areKept], [1, false]);
  await db.deleteFrom("functions").execute();
  await db.deleteFrom("commits").execute();
  assert.equal(write.areKept, true);
  assert.deepEqual(await read(), { name: "old" });
  stored = { name: "new" };
  assert.deepEqual(await read(), { name: "new" });
  assert.equal(reads, 3);
  cache.ended();

  await read();
  assert.deepEqual(await read(), { name: "new" });
  assert.equal(reads, 4);
});

Deno.test("what was read before a change is not kept after it", async () => {
  const cache = new RowCache();
  const query = Promise.withResolvers<object>();
  const early = cache.read("row", () => query.promise);
  cache.clear();
  query.resolve({ name: "old" });
  assert.deepEqual(await early, { name: "old" });
  assert.deepEqual(await cache.read("row", () => Promise.resolve({ name: "new" })), {
    name: "new",
  });
});

Deno.test("an absent row is not kept", async () => {
  const cache = new RowCache();
  assert.equal(await cache.read("row", () => Promise.resolve(undefined)), undefined);
  assert.deepEqual(await cache.read("row", () => Promise.resolve({})), {});
});

Deno.test("reads of one request share one count, and see what was changed before it", async () => {
  let counted = 0;
  let counts = 0;
  let stored = { name: "first" };
  const cache = new RowCache(() => {
    counts++;
    return Promise.resolve(counted);
  });
  const read = () => cache.read("row", () => Promise.resolve({ ...stored }));
  const readTwice = async () => [(await read()).name, (await read()).name];
  const change = (name: string) => {
    stored = { name };
    counted++;
  };

  assert.deepEqual(await cache.within(readTwice), ["first", "first"]);
  assert.equal(counts, 1);
  change("second");
  assert.deepEqual(await cache.within(readTwice), ["second", "second"]);
  assert.equal(counts, 2);

  // A host call of an invocation is a request within the request that started the invocation.
  await cache.within(async () => {
    await read();
    change("third");
    assert.deepEqual(await cache.within(readTwice), ["third", "third"]);
  });
  assert.equal(counts, 4);
  change("fourth");
  // Outside a request, each read counts.
  assert.deepEqual(await readTwice(), ["fourth", "fourth"]);
  assert.equal(counts, 6);

  // Work that a request leaves in the background is outside the request.
  const rest = Promise.withResolvers<void>();
  const left = await cache.within(async () => {
    await read();
    return { ended: rest.promise.then(readTwice) };
  });
  assert.equal(counts, 7);
  change("left");
  rest.resolve();
  assert.deepEqual(await left.ended, ["left", "left"]);
  assert.equal(counts, 9);

  // A request may not rely on a count that was under way when it began.
  const late = read();
  change("fifth");
  assert.deepEqual(await cache.within(readTwice), ["fifth", "fifth"]);
  await late;
});
