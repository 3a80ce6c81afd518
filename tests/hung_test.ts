/** Test files that hang: `scripts/test` ends them, and says what they did last. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../scripts/test_processes.ts";
import { makeTempDir } from "./support/invoked.ts";
import { RUN_DIR_VARIABLE } from "./support/once.ts";
import { allGone } from "./support/processes.ts";

Deno.test("a process that hangs is killed with its children, and its output is kept", async () => {
  await using directory = await makeTempDir();
  const script = join(directory.path, "hang.ts");
  await Deno.writeTextFile(
    script,
    `const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    console.log("child", child.pid);
    await child.status;`,
  );
  const { success, text } = await run(["run", "--quiet", "--allow-run", script], {
    hungAfterMs: 5_000,
  });
  assert.equal(success, false);
  assert.match(text, /^child \d+\n\nkilled after 5 s, because it hung\n$/);
  await allGone([Number(/\d+/.exec(text)?.[0])]);
});

Deno.test("a file that waits for the work of a killed one fails, and does not wait on", async () => {
  await using directory = await makeTempDir();
  const once = new URL("./support/once.ts", import.meta.url).href;
  const sharing = (work: string) => {
    const code = `import { filledOnce } from "${once}"; await filledOnce("shared", ${work});`;
    const env = { [RUN_DIR_VARIABLE]: directory.path };
    return run(["eval", "--quiet", code], { env });
  };
  await sharing(`() => Deno.kill(Deno.pid, "SIGKILL")`);
  const { success, text } = await sharing("() => {}");
  assert.equal(success, false);
  assert.match(text, /Cannot use .*shared: the process that filled it ended/);
});
