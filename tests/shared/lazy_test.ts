import assert from "node:assert/strict";
import { Lazy } from "../../src/shared/lazy.ts";

Deno.test("a value is computed once, and again after a computation that rejected", async () => {
  let computed = 0;
  let error: Error | undefined = new Error("killed");
  const lazy = new Lazy(async () => {
    computed++;
    await Promise.resolve();
    if (error !== undefined) throw error;
    return computed;
  });
  assert.equal(lazy.held, undefined);
  const first = [lazy.get(), lazy.get()];
  for (const rejected of first) await assert.rejects(rejected, /^Error: killed$/);
  assert.deepEqual([computed, lazy.held], [1, undefined]);
  error = undefined;
  assert.deepEqual(await Promise.all([lazy.get(), lazy.get()]), [2, 2]);
  assert.equal(await lazy.get(), 2);
});
