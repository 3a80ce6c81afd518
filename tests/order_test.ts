/** Which files `scripts/test` runs without a path, and the order in which it starts them. */
import assert from "node:assert/strict";
import { longestFirst, recordDurations, selectShort } from "../scripts/test_order.ts";
import { makeTempDir } from "./support/invoked.ts";

const RECORD = "tests/durations.json";

Deno.test("files that took longest start first; a new one counts as the mean of its folder", async () => {
  await using directory = await makeTempDir();
  const root = `${directory.path}/`;
  await Deno.mkdir(`${root}tests`);
  const recorded = {
    "tests/a/one_test.ts": 10,
    "tests/a/two_test.ts": 30,
    "tests/b/one_test.ts": 1,
    "tests/c/one_test.ts": 25,
  };
  await Deno.writeTextFile(root + RECORD, JSON.stringify(recorded));
  const ofNewFolder = "tests/d/new_test.ts";
  const files = [ofNewFolder, "tests/b/new_test.ts", "tests/a/new_test.ts"];
  assert.deepEqual(await longestFirst(root, [...files, ...Object.keys(recorded)]), [
    "tests/a/two_test.ts",
    "tests/c/one_test.ts",
    "tests/a/new_test.ts",
    ofNewFolder,
    "tests/a/one_test.ts",
    "tests/b/new_test.ts",
    "tests/b/one_test.ts",
  ]);
});

Deno.test("a short run has what always runs, and the shortest other files; a core file counts half", async () => {
  await using directory = await makeTempDir();
  const root = `${directory.path}/`;
  await Deno.mkdir(`${root}tests`);
  const recorded = {
    "tests/core/five_test.ts": 5,
    "tests/core/nine_test.ts": 9,
    "tests/hostile/modes_test.ts": 40,
    "tests/other/four_test.ts": 4,
    "tests/other/six_test.ts": 6,
  };
  await Deno.writeTextFile(root + RECORD, JSON.stringify(recorded));
  const always = ["tests/hostile/modes_test.ts"];
  const isCore = (file: string) => file.startsWith("tests/core/");
  const select = (secondsMax: number) =>
    selectShort(root, Object.keys(recorded), { secondsMax, always, isCore });
  const inTurn = [...always, "core/five", "other/four", "core/nine", "other/six"]
    .map((name) => name.startsWith("tests/") ? name : `tests/${name}_test.ts`);
  assert.deepEqual(await select(63), inTurn.slice(0, 4));
  assert.deepEqual(await select(58), inTurn.slice(0, 4));
  assert.deepEqual(await select(57), inTurn.slice(0, 3));
  assert.deepEqual(await select(64), inTurn);
});

Deno.test("a record keeps what files took that did not run, and drops files that are gone", async () => {
  await using directory = await makeTempDir();
  const root = `${directory.path}/`;
  await Deno.mkdir(`${root}tests`);
  await Deno.writeTextFile(`${root}tests/kept_test.ts`, "");
  const before = { "tests/kept_test.ts": 7, "tests/gone_test.ts": 8, "tests/ran_test.ts": 9 };
  await Deno.writeTextFile(root + RECORD, JSON.stringify(before));
  await recordDurations(root, new Map([["tests/ran_test.ts", 2.4], ["tests/new_test.ts", 0.1]]));
  assert.deepEqual(JSON.parse(await Deno.readTextFile(root + RECORD)), {
    "tests/kept_test.ts": 7,
    "tests/new_test.ts": 1,
    "tests/ran_test.ts": 2,
  });
});
