/** Reads across changes of `RowCache` in `src/store/changes.ts`. */
import assert from "node:assert/strict";
import { RowCache } from "../../src/store/changes.ts";

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

  {
    using change = cache.change();
    change.note("invocations");
    assert.deepEqual(await read(), { name: "old" });
    assert.deepEqual([reads, change.hasBegun], [1, false]);
    change.note("functions");
    assert.deepEqual(await read(), { name: "old" });
    stored = { name: "new" };
    assert.deepEqual(await read(), { name: "new" });
    assert.equal(reads, 3);
  }
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
