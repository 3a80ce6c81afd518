/** Messages and tables have the names that a user gave, not ids and fields of the API. */
import assert from "node:assert/strict";
import { assertFails, Author } from "./support.ts";

const ID = /[0-9A-Za-z]{27}/;

Deno.test("what a user names keeps its name", async (t) => {
  await using author = await Author.startShared("named");
  const declare = (fields: object) =>
    author.write("invoked.json", JSON.stringify({ name: "named", ...fields }));

  await t.step("a volume that is missing, in the command that creates it", async () => {
    await declare({ volume: "holiday pictures" });
    await author.fails(
      ["deploy"],
      1,
      /Volume "holiday pictures" not found/,
      /volumes create 'holiday pictures'/,
    );
    await author.ok(["volumes", "create", "holiday pictures"]);
  });
  await t.step("names that are empty, or that a person cannot read", async () => {
    for (const name of ["", " ", "a\nb", "a:b"]) {
      await author.fails(["volumes", "create", name], 2, /Invalid volume name/, /choose/);
    }
    await author.fails(
      ["init", "other", "--name", " "],
      2,
      /name of the function is empty/,
      /--name/,
    );
    await author.fails(["clients", "create", ""], 1, /: name: must not be empty/);
    await author.write("invoked.json", `{"name": " "}`);
    await author.fails(["deploy"], 2, /invoked\.json: name: must not be empty/);
  });
  await t.step("the settings of a deploy", async () => {
    await declare({ volume: "holiday pictures", allowlist: ["a.example"], roles: ["invoker"] });
    const deployed = await author.run(["deploy", "--publish"]);
    assert.match(deployed.stderr, /^Set allowlist, roles, volume$/m);
    assert.doesNotMatch((await author.run(["deploy"])).stderr, /^Set /m);
    assert.match(await author.ok(["show", "named"]), /^roles +functions:invoker$/m);
  });
  await t.step("settings that the server rejects, with their values", async () => {
    const violations = [
      [{ allowlist: ["https://a.example"] }, /: allowlist\[0\]: "https:\/\/a\.example" must be/],
      [{ roles: ["king"] }, /: roles\[0\]: "king" is not a role of this server: use system:user/],
      [{ memoryMib: 1 }, /deploy named: memoryMib: 1 MiB is not between/],
    ] as const;
    for (const [fields, message] of violations) {
      await declare(fields);
      const run = await author.run(["deploy"]);
      assertFails(run, 1, message);
      assert.match(run.stderr, /^Nothing was deployed: the server rejects a setting/m);
    }
    await declare({});
  });
  await t.step("the volume where it is shown", async () => {
    for (const command of [["show"], ["settings", "list"]]) {
      assert.match(await author.ok(command), /^volume\s+holiday pictures \([0-9A-Za-z]{27}\)/m);
    }
    await author.ok(["invoke", "named"]);
    assert.match(
      await author.ok(["show", "named", "latest"]),
      /^volume +holiday pictures \(.{27}\), read/m,
    );
    const inUse = await author.run(["volumes", "delete", "holiday pictures", "--yes"]);
    assertFails(inUse, 1, /Volume holiday pictures is in use: function .* is bound to it/);
  });
  await t.step("the function of a commit or tag that is unknown", async () => {
    for (const commit of ["none", "3MdGC", ""]) {
      await author.fails(
        ["rollback", "--to", commit],
        1,
        /Commit "\w*" of named not found: no tag has this name/,
        /first 6 characters/,
      );
    }
    const tag = await author.run(["tag", ".", "none", "--delete"]);
    assertFails(tag, 1, /Tag "none" of function named does not exist/);
    assert.doesNotMatch(tag.stderr, ID);
    await author.fails(["tag", ".", "HEAD"], 1, /"HEAD" is not a tag name/);
  });
  await t.step(
    "the function in place of a commit that does not build, or has no tests",
    async () => {
      const untested = await author.run(["test"]);
      assertFails(untested, 3, /^error: Failed to test named: the commit has no main\.test\.ts/m);
      await author.write("main.ts", "export default () => {\n  retrn 1;\n};\n");
      const args = [["deploy"], ["test"]];
      for (const run of await Promise.all(args.map((args) => author.run(args)))) {
        assertFails(run, 3, /^error: named was not built: main\.ts:2:9: SyntaxError/m);
        assert.doesNotMatch(run.stderr, ID);
      }
    },
  );
  await t.step("the function in the next step of a failed invocation", async () => {
    await author.write("main.ts", `export default () => { throw new Error("no"); };\n`);
    await author.ok(["deploy", "--publish"]);
    await author.fails(["invoke"], 3, /of named ended/, /invoked logs named [0-9A-Za-z]{27}/);
  });
  await t.step("the start of an id that is too short", async () => {
    const { id } = (await author.json("history"))[0];
    const short = await author.run(["show", "named", id.slice(0, 5)]);
    assertFails(short, 2, /is not the id of an invocation/, /first 6 characters/);
    assert.equal((await author.json("show", "named", id.slice(0, 26))).id, id);
  });
  await t.step("the position of what is no JSON", async () => {
    await author.write("invoked.json", `{"name": "named",}`);
    await author.fails(
      ["deploy"],
      2,
      /it is not JSON at line 1, column 18: Expected/,
      /correct it/,
    );
  });
});
