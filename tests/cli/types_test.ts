/** The type check of a deployed commit on the command line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { initFolder } from "./support.ts";
import { TestServer } from "../support/server.ts";

const WRONG = "export default (): { n: string } => ({ n: 1 });\n";
const FAULT = "main.ts:1:40: Type 'number' is not assignable to type 'string'.";

Deno.test("deploy and show report type errors, which do not reject a deploy", async () => {
  await using directory = await makeTempDir();
  await using server = await TestServer.start({ env: { INVOKED_CHECK_TYPES: "true" } });
  const cwd = join(directory.path, "typed");
  const env = { INVOKED_DATA: server.dataDir };
  const run = (...args: string[]) => runInvoked(args, { cwd, env });
  await initFolder(cwd);
  await Deno.remove(join(cwd, "main.test.ts"));
  await Deno.writeTextFile(join(cwd, "main.ts"), WRONG);
  assert.equal((await run("deploy", "--publish")).code, 0);
  await eventually(async () => {
    const { stdout } = await run("show");
    return stdout.includes("being checked") ? undefined : true;
  }, "the types");
  assert.match(
    (await run("show")).stdout,
    new RegExp(`^types of head +1 type error\n +${FAULT}$`, "m"),
  );
  // No file changed: the types of the head are known by now.
  const again = await run("deploy");
  assert.equal(again.code, 0);
  assert.match(again.stderr, new RegExp(`^Deployed with 1 type error:\n  ${FAULT}$`, "m"));
  const { typeCheck } = JSON.parse((await run("deploy", "--json")).stdout);
  assert.deepEqual([typeCheck.state, typeCheck.diagnostics.length], ["CHECKED", 1]);
});

Deno.test("deploy reports no types if the server does not check them", async () => {
  await using directory = await makeTempDir();
  await using server = await TestServer.start();
  const cwd = join(directory.path, "plain");
  await initFolder(cwd);
  const { code, stderr } = await runInvoked(["deploy"], {
    cwd,
    env: { INVOKED_DATA: server.dataDir },
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /[Tt]ype/);
});
