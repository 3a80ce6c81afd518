import assert from "node:assert/strict";
import { inParallel } from "../../src/cli/client/parallel.ts";

Deno.test("items are worked on in order, and never more than the limit at a time", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await inParallel(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    done.push(item);
  });
  assert.equal(most, 3);
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("after a failure no item begins, and the running ones end first", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const slow = Promise.withResolvers<void>();
  const copying = inParallel(2, [1, 2, 3, 4], async (item) => {
    begun.push(item);
    if (item === 2) throw new Error("broken");
    await slow.promise;
    ended.push(item);
  });
  setTimeout(slow.resolve, 10);
  await assert.rejects(copying, /broken/);
  assert.deepEqual([begun, ended], [[1, 2], [1]]);
});
