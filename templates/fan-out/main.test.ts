import { test } from "@c1/test";
import { mapSome } from "./map.ts";

export default function registerTests() {
  test("keeps the order, and the limit", async ({ deepEqual, ok }) => {
    let running = 0;
    let most = 0;
    const results = await mapSome([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
      return item * 10;
    });
    deepEqual(results, [10, 20, 30, 40, 50]);
    ok(most <= 2);
  });
}
