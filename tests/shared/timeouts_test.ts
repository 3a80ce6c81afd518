/** The one timer of many items: `src/shared/timeouts.ts`. */
import assert from "node:assert/strict";
import { Timeouts } from "../../src/shared/timeouts.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("items time out in order, each once, unless they are deleted in time", async () => {
  const ended: string[] = [];
  const timeouts = new Timeouts<string>(50, (item) => ended.push(item));
  timeouts.add("first");
  timeouts.add("deleted");
  await pause(30);
  timeouts.add("first");
  timeouts.add("second");
  timeouts.delete("deleted");
  assert.deepEqual(ended, []);
  await pause(300);
  assert.deepEqual(ended, ["first", "second"]);

  timeouts.add("first");
  await pause(300);
  assert.deepEqual(ended, ["first", "second", "first"]);
});
