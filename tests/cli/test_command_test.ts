/** `invoked test`: the results of main.test.ts, for people, for programs and for continuous integration. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { assertFails, initFolder } from "./support.ts";

const FIXTURE_TEST = `import { functions, vfs } from "@c1/functions-sdk";
import { test } from "@c1/test";
test("has them", async ({ deepEqual }) => {
  const text = await vfs.readTextFile("in.txt");
  const { secrets, variables } = functions.getConfig();
  deepEqual({ ...secrets, ...variables, text }, { KEY: "given", TOKEN: "other", STAGE: "x", text });
});
`;

Deno.test("test runs main.test.ts in the sandbox and names what failed", async (t) => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "greeter");
  const run = (...args: string[]) => runInvoked(args, { cwd: folder });
  await initFolder(folder);

  await t.step("a new folder passes", async () => {
    const { code, stdout, stderr } = await run("test");
    assert.deepEqual([code, stdout], [0, "ok   greets the world\nok   greets by name\n"]);
    assert.match(stderr, /^2 passed, 0 failed, 0 skipped in /m);
  });
  const test = await Deno.readTextFile(join(folder, "main.test.ts"));
  await Deno.writeTextFile(join(folder, "main.test.ts"), test.replace("Hello, A", "Hallo, A"));
  await t.step("a failed assertion is printed with its position and log", async () => {
    const { code, stdout } = await run("test");
    assert.equal(code, 3);
    assert.match(stdout, /^FAIL greets by name\n {5}info {2}greeting Ada\n/m);
    assert.match(
      stdout,
      /main\.test\.ts:\d+:\d+\n {7}expected Hallo, Ada!\n {7}actual {3}Hello, Ada!/,
    );
  });
  await t.step("JSON and JUnit's XML of one run have the failure", async () => {
    const json = await run("test", "--json", "--junit", "../results.xml");
    assert.equal(json.code, 3);
    const { failed, results } = JSON.parse(json.stdout);
    assert.deepEqual([failed, results.length], [1, 2]);
    const xml = await Deno.readTextFile(join(directory.path, "results.xml"));
    assert.match(xml, /<testsuites tests="2" failures="1" errors="0" skipped="0" /);
    assert.match(xml, /<testcase name="greets by name" classname="greeter">\s*<failure message="/);
  });
  await t.step(
    "what invoked.json and --secrets give the tests, and how values differ",
    async () => {
      const manifest = JSON.parse(await Deno.readTextFile(join(folder, "invoked.json")));
      const tests = {
        volume: { folder: "data" },
        secrets: { TOKEN: "declared" },
        variables: { STAGE: "y" },
      };
      await Deno.writeTextFile(
        join(folder, "invoked.json"),
        JSON.stringify({ ...manifest, tests }),
      );
      await Deno.mkdir(join(folder, "data"));
      await Deno.writeTextFile(join(folder, "data", "in.txt"), "one");
      await Deno.writeTextFile(join(folder, ".env"), "KEY=given\n");
      await Deno.writeTextFile(join(folder, "main.test.ts"), FIXTURE_TEST);
      const { stdout } = await run("test", "--secrets", ".env", "--var", "STAGE=x");
      assert.match(
        stdout,
        /^ {7}\+ actual, - expected\n {9}\{\n {9} {2}KEY: 'given',\n {9} {2}STAGE: 'x',\n {7}\+ {3}TOKEN: 'declared',\n {7}- {3}TOKEN: 'other',\n {9} {2}text: 'one'\n {9}\}$/m,
      );
      const wrong = { ...manifest, tests: { volume: { folder: 1 } } };
      await Deno.writeTextFile(join(folder, "invoked.json"), JSON.stringify(wrong));
      assertFails(
        await run("test"),
        2,
        /invoked\.json: tests\.volume\.folder: /,
        /correct what the message/,
      );
      await Deno.writeTextFile(join(folder, "invoked.json"), JSON.stringify(manifest));
      await Deno.remove(join(folder, ".env"));
    },
  );
  await t.step(
    "a limit that an error names is a flag of every command that runs locally",
    async () => {
      await Deno.writeTextFile(join(folder, "large.txt"), "x".repeat(2048));
      const limited = await run("test", "--max-file", "1KiB");
      assertFails(limited, 1, /2 KiB are more than the limit of 1 KiB for one file \(--max-file\)/);
      await Deno.remove(join(folder, "large.txt"));
      for (const command of ["dev", "check"]) {
        const { code, stdout } = await run(command, "--max-file", "1KiB", "--help-all");
        assert.equal(code, 0);
        assert.match(stdout, / --invocation-timeout <DURATION> /);
      }
      assertFails(
        await run("test", "--remote", "--max-file", "1KiB"),
        2,
        /Option --max-file has no effect with --remote/,
        /omit/,
      );
    },
  );
  await t.step("a build that fails names the files that were skipped", async () => {
    const main = await Deno.readTextFile(join(folder, "main.ts"));
    await Deno.writeTextFile(join(folder, "main.ts"), `import "./generated/x.ts";\n${main}`);
    await Deno.mkdir(join(folder, "generated"));
    await Deno.writeTextFile(join(folder, "generated", "x.ts"), "export {};\n");
    await Deno.writeTextFile(join(folder, ".invokedignore"), "generated/\n");
    for (const command of ["test", "check"]) {
      const { code, stderr } = await run(command);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /skipped: generated\/ \(ignored\)/);
    }
    await Deno.remove(join(folder, ".invokedignore"));
    assert.equal((await run("check")).code, 0);
    await Deno.writeTextFile(join(folder, "main.ts"), main);
  });
  await t.step("without tests, or with one that does not build, it fails", async () => {
    await Deno.writeTextFile(join(folder, "main.test.ts"), "retrn 1;\n");
    assert.match((await run("test")).stderr, /^error: .*main\.test\.ts:1/m);
    await Deno.remove(join(folder, "main.test.ts"));
    assert.notEqual((await run("test")).code, 0);
  });
});
