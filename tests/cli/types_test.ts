/** The type check of a deployed commit on the command line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { HUGE_TYPES, LITTLE_CHECK_MEMORY, UNCHECKED_MESSAGE } from "../support/huge_types.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { assertFails, initFolder } from "./support.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";

const CHECK_PATIENCE_MS = 600_000;

const WRONG = "export default (): { n: string } => ({ n: 1 });\n";
const OWN_FETCH =
  `export const fetch = async (..._: unknown[]): Promise<Response> => await fetch("https://a.test/");\n`;
const VIOLATION = "main.ts:1:40: Type 'number' is not assignable to type 'string'.";

Deno.test("deploy and show report type errors, which do not reject a deploy", async () => {
  await using directory = await makeTempDir();
  await using server = await TestServer.start({ env: { INVOKED_CHECK_TYPES: "true" } });
  const cwd = join(directory.path, "typed");
  const env = { INVOKED_DATA: server.dataDir };
  const run = (...args: string[]) => runInvoked(args, { cwd, env });
  await initFolder(cwd);
  await Deno.remove(join(cwd, "main.test.ts"));
  await Deno.writeTextFile(join(cwd, "main.ts"), WRONG);
  const { stdout: head } = await run("deploy", "--publish");
  const client = await server.client();
  const { body: { list: [{ id }] } } = await client.post("/api/v1/search/functions", {
    query: "typed",
  });
  await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${id}/commits/${head.trim()}`);
    return body.typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : true;
  }, "the types");
  assert.match(
    (await run("show")).stdout,
    new RegExp(`^types of head +1 type error\n +${VIOLATION}$`, "m"),
  );
  // No file changed: the types of the head are known by now.
  const again = await run("deploy");
  assert.equal(again.code, 0);
  assert.match(again.stderr, new RegExp(`^Deployed with 1 type error:\n  ${VIOLATION}$`, "m"));
  const { commitId, typeCheck } = JSON.parse((await run("deploy", "--json")).stdout);
  assert.deepEqual([typeCheck.state, typeCheck.diagnostics.length], ["CHECKED", 1]);
  // With --check they do.
  await Deno.writeTextFile(join(cwd, "main.ts"), `${WRONG}// changed\n`);
  const rejected = await run("deploy", "--check", "--publish");
  assertFails(rejected, 3, /1 type error in .+; nothing was deployed/, /correct the code/);
  assert.match(rejected.stderr, /^Type errors:\n {2}main\.ts:1:40: TS2322: /m);
  assert.equal(JSON.parse((await run("show", "--json")).stdout).head, commitId);

  const warning =
    /main\.ts:1:74: this fetch is the function's own.* export default \{ async fetch\(/;
  await Deno.writeTextFile(join(cwd, "main.ts"), OWN_FETCH);
  const checked = await run("check");
  assert.equal(checked.code, 0);
  assert.match(checked.stderr, new RegExp(`^Warning: ${warning.source}.*\nNo type errors$`, "m"));
  const { warnings, diagnostics } = JSON.parse((await run("check", "--json")).stdout);
  assert.deepEqual([warnings.length, diagnostics], [1, []]);
  await Deno.writeTextFile(join(cwd, "main.test.ts"), "");
  const warned = await run("deploy", "--check", "--publish");
  assert.equal(warned.code, 0);
  assert.match(
    warned.stderr,
    new RegExp(
      `^No type errors\nUploading and building\n(?:Set .*\n)?Published\nWarning: ${warning.source}`,
      "m",
    ),
  );
  // Also for a head that has not changed.
  const { warnings: ofHead } = JSON.parse((await run("deploy", "--json")).stdout);
  assert.deepEqual(ofHead, warnings);
  assert.match((await run("show")).stdout, new RegExp(`^warnings of head +${warning.source}`, "m"));
});

Deno.test("a check that runs out of memory is no type error", async () => {
  await using directory = await makeTempDir();
  await using server = await TestServer.start({
    env: { INVOKED_CHECK_TYPES: "true", ...LITTLE_CHECK_MEMORY },
  });
  const cwd = join(directory.path, "huge");
  await initFolder(cwd);
  await Deno.remove(join(cwd, "main.test.ts"));
  for (const [path, text] of Object.entries(HUGE_TYPES)) {
    await Deno.writeTextFile(join(cwd, path), text);
  }
  const run = (...args: string[]) =>
    runInvoked(args, { cwd, env: { INVOKED_DATA: server.dataDir, ...LITTLE_CHECK_MEMORY } });
  const checked = await run("check", "--json");
  assertFails(
    { ...checked, stdout: "" },
    1,
    UNCHECKED_MESSAGE,
    /raise the limit with --check-memory/,
  );
  const { diagnostics, reason, message } = JSON.parse(checked.stdout);
  assert.deepEqual(diagnostics, []);
  assert.match(reason, /^(?:OUT_OF_MEMORY|CHECKER_FAILED)$/);
  assert.match(message, UNCHECKED_MESSAGE);
  const rejected = await run("deploy", "--check");
  assertFails(rejected, 1, /\(--check-memory\).*; nothing was deployed$/m, /INVOKED_CHECK_MEMORY/);
  const head = (await run("deploy", "--publish")).stdout.trim();
  const client = await server.client();
  const { body: { list: [{ id }] } } = await client.post("/api/v1/search/functions", {
    query: "huge",
  });
  const typeCheck = await eventually(
    async () => {
      const { body } = await client.get(`/api/v1/functions/${id}/commits/${head}`);
      return body.typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : body.typeCheck;
    },
    "the types",
    CHECK_PATIENCE_MS,
  );
  assert.equal(typeCheck.state, "TYPE_CHECK_STATE_NOT_CHECKED");
  assert.deepEqual(typeCheck.diagnostics, []);
  assert.match(typeCheck.reason, /^(?:OUT_OF_MEMORY|CHECKER_FAILED)$/);
  assert.match(typeCheck.message, UNCHECKED_MESSAGE);
  assert.match((await run("show")).stdout, /^types of head +not checked: the .*--check-memory/m);
  const again = await run("deploy");
  assert.equal(again.code, 0);
  assert.match(again.stderr, /^Types not checked: the .*--check-memory/m);
});

Deno.test("the files of init show an editor and deno check what is wrong with the default export", async () => {
  await using directory = await makeTempDir();
  const cwd = join(directory.path, "edited");
  await initFolder(cwd);
  const check = async () => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["check"],
      cwd,
      env: { NO_COLOR: "1" },
    });
    return new TextDecoder().decode((await command.output()).stderr);
  };
  assert.doesNotMatch(await check(), /ERROR/);
  const main = (type: string) =>
    `import type { Handler } from "@c1/functions-sdk";
const main = (_: { a?: number }): ${type} => { throw new Error("x"); };
export default main satisfies Handler;
`;
  await Deno.writeTextFile(join(cwd, "main.ts"), main("Response"));
  await Deno.writeTextFile(
    join(cwd, "main.test.ts"),
    `import { registerTests } from "@c1/test";
import main from "./main.ts";
registerTests({ handler: main });
`,
  );
  const found = await check();
  for (
    const position of ["main.ts:3:21", "main.test.ts:3:17", ".invoked/types/entry_check.ts:5:14"]
  ) {
    assert.ok(found.includes(`/${position}`), found);
  }
  assert.match(found, /"The default export returns a Response, not a JSON object"' is not assign/);
});

Deno.test("deploy reports no types if the server does not check them", async () => {
  await using directory = await makeTempDir();
  const server = await sharedServer();
  const cwd = join(directory.path, "unchecked");
  await initFolder(cwd);
  const { code, stderr } = await runInvoked(["deploy"], {
    cwd,
    env: { INVOKED_DATA: server.dataDir },
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /[Tt]ype/);
});
