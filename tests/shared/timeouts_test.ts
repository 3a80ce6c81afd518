/** The one timer of many items: `src/shared/time.ts`. */
import assert from "node:assert/strict";
import { Timeouts } from "../../src/shared/time.ts";
import { eventually } from "../support/eventually.ts";

Deno.test("items time out in order, each once, unless they are deleted in time", async () => {
  const ended: string[] = [];
  const timeouts = new Timeouts<string>(50, (item) => ended.push(item));
  const ends = (count: number) => eventually(() => ended.length === count || undefined);
  timeouts.add("first");
  timeouts.add("deleted");
  timeouts.add("second");
  timeouts.add("first");
  timeouts.delete("deleted");
  assert.deepEqual(ended, [], "nothing ends before its time");
  await ends(2);
  assert.deepEqual(ended, ["first", "second"]);

  timeouts.add("first");
  timeouts.add("last");
  await ends(4);
  assert.deepEqual(ended, ["first", "second", "first", "last"]);
});
