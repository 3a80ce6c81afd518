/** The one timer of items with times of their own: `src/shared/time.ts`. */
import assert from "node:assert/strict";
import { Deadlines } from "../../src/shared/time.ts";
import { eventually } from "../support/eventually.ts";

const HOUR_MS = 3_600_000;

Deno.test("an item times out at its own time, whatever others wait for", async () => {
  const ended: string[] = [];
  const deadlines = new Deadlines<string>((item) => ended.push(item));
  const ends = (count: number) => eventually(() => ended.length === count || undefined);
  deadlines.add("after an hour", HOUR_MS);
  deadlines.add("deleted", 0);
  deadlines.add("first", 1);
  deadlines.delete("deleted");
  await ends(1);
  deadlines.add("second", 1);
  await ends(2);
  assert.deepEqual(ended, ["first", "second"]);
  // Nothing is early: the timer ends, and begins anew for what is left.
  deadlines.add("after another hour", HOUR_MS);
  deadlines.add("third", 1);
  await ends(3);
  assert.deepEqual(ended, ["first", "second", "third"]);
  deadlines.delete("after an hour");
  deadlines.delete("after another hour");
});

Deno.test("items of one time end in order, each once, unless they are deleted in time", async () => {
  const ended: string[] = [];
  const deadlines = new Deadlines<string>((item) => ended.push(item));
  const ends = (count: number) => eventually(() => ended.length === count || undefined);
  for (const item of ["first", "deleted", "second", "first"]) deadlines.add(item, 50);
  deadlines.delete("deleted");
  assert.deepEqual(ended, [], "nothing ends before its time");
  await ends(2);
  assert.deepEqual(ended, ["first", "second"]);

  for (const item of ["first", "last"]) deadlines.add(item, 50);
  await ends(4);
  assert.deepEqual(ended, ["first", "second", "first", "last"]);
});
