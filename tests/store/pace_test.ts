/** Which writes are followed by maintenance soon, and which leave it for later. */
import assert from "node:assert/strict";
import { BUSY_WRITES, Pace } from "../../src/store/sqlite/checkpointer.ts";

Deno.test("many writes and large ones come before few writes, and a pace that ran stays quick", async () => {
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const paceOf = (name: string) =>
    new Pace(() => {
      order.push(name);
      if (order.length === 2) resolve();
    });
  const few = paceOf("few");
  few.count(false);
  const many = paceOf("many");
  for (let write = 0; write < BUSY_WRITES; write++) many.count(false);
  const large = paceOf("large");
  large.count(true);
  const stay = setTimeout(() => {}, 60_000);
  await promise;
  assert.deepEqual(order, ["many", "large"]);
  assert.deepEqual([few, many, large].map(({ hasRun }) => hasRun), [false, true, true]);

  const again = Promise.withResolvers<void>();
  const ran = new Pace(() => again.resolve());
  ran.start(0);
  await again.promise;
  const next = Promise.withResolvers<string>();
  const first = new Pace(() => next.resolve("first"));
  first.count(false);
  many.count(false);
  assert.equal(await Promise.race([next.promise, whenRun(order)]), "again");
  clearTimeout(stay);
  for (const pace of [few, many, large, ran, first]) pace.stop();
});

/** Resolves once a third pace has run. */
async function whenRun(order: readonly string[]): Promise<string> {
  while (order.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  return "again";
}
