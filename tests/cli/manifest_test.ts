/** What the commands need of `invoked.json`. */
import assert from "node:assert/strict";
import { assertFails, Author } from "./support.ts";

Deno.test("a command needs no more of invoked.json than it uses", async (t) => {
  await using author = await Author.startShared("partial");
  const write = (fields: object) => author.write("invoked.json", JSON.stringify(fields));
  await author.ok(["deploy", "--publish"]);
  const { id } = await author.json("show");
  const wrong = { memoryMib: "lots", timeout: 5, triggers: [], roles: 7, unknown: true };

  await t.step("those about the function need its name", async () => {
    await write({ name: "partial", ...wrong });
    await author.ok(["invoke"]);
    assert.match(await author.ok(["logs"]), /greeting/);
    assert.equal((await author.json("history")).length, 1);
    await author.ok(["settings", "list", "."]);
    await write({ ...wrong, name: 7 });
    assertFails(await author.run(["history"]), 2, /json: name: must be a string; it is a number$/m);
  });
  await t.step("or its id alone", async () => {
    await write({ ...wrong, name: 7, id });
    await author.ok(["history"]);
    await write({ name: "partial", id: 7 });
    assertFails(await author.run(["history"]), 2, /json: id: must be a string; it is a number$/m);
  });
  await t.step("a call needs its volume, too, unless a flag names one", async () => {
    await write({ ...wrong, name: "partial", volume: 1 });
    assertFails(
      await author.run(["invoke"]),
      2,
      /json: volume: must be a string; it is a number$/m,
    );
    assertFails(await author.run(["invoke", "--volume", "none"]), 1, /Cannot find volume "none"/);
  });
  await t.step("a comparison needs root, tests and triggers", async () => {
    await write({ name: "partial", ...wrong, triggers: undefined });
    assert.match((await author.run(["diff"])).stderr, /^No differences$/m);
    await write({ name: "partial", ...wrong });
    assertFails(await author.run(["diff"]), 2, /json: triggers: must be an object/);
    await write({ name: "partial", ...wrong, triggers: undefined, root: 1 });
    assertFails(await author.run(["diff"]), 2, /json: root: must be a string/);
  });
  await t.step("a deploy needs all", async () => {
    await write({ name: "partial", ...wrong });
    const run = await author.run(["deploy"]);
    assertFails(run, 2, /invoked\.json: /);
    for (const name of Object.keys(wrong)) assert.match(run.stderr, new RegExp(`${name}\\b`));
  });
  await t.step("a local server needs no id and no destinations", async () => {
    await author.write(
      "main.test.ts",
      `import { test } from "@c1/test";\nexport default () => test("passes", () => {});\n`,
    );
    await write({ name: "partial", id: 7, onSuccess: "x", onFailure: 1 });
    assert.match(await author.ok(["test"]), /^ok +passes$/m);
    assertFails(await author.run(["test", "--remote"]), 2, /json: id: must be a string/);
    await write({ name: "partial", memoryMib: "lots" });
    assertFails(await author.run(["test"]), 2, /json: memoryMib: must be a whole number/);
  });
});
