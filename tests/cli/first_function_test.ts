/** Replays docs/first-function.md: every `sh` block prints what the `text` block below it shows. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { INVOKED, makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";

/** What differs from one run to the next. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/http:\/\/127\.0\.0\.1:\d+/g, "URL"],
  [/\b[0-9A-Za-z]{27}\b/g, "ID"],
  // The type check may not end in time.
  [/^(?:No type errors|The type check has not ended.*)\n/gm, ""],
  [/ in \d+\.\d\d s$/gm, " in SECONDS"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
];

Deno.test("docs/first-function.md shows what its commands print", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/first-function.md", import.meta.url));
  const steps = [...page.matchAll(/```sh\n([^]*?)```\n\n```text\n([^]*?)```/g)];
  assert.equal(steps.length, page.match(/```sh\n/g)?.length, "every sh block has its output");
  await using server = await TestServer.start();
  await using directory = await makeTempDir();
  const programs = join(directory.path, "bin");
  await Deno.mkdir(programs);
  await Deno.symlink(INVOKED, join(programs, "invoked"));
  // One shell for each step; the working directory goes on from one to the next.
  let cwd = directory.path;
  for (const [, commands = "", expected = ""] of steps) {
    const last = join(directory.path, "last");
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `exec 2>&1\n${commands}\npwd > "$LAST"`],
      cwd,
      clearEnv: true,
      env: {
        PATH: `${programs}:${Deno.env.get("PATH") ?? ""}`,
        INVOKED_DATA: server.dataDir,
        NO_COLOR: "1",
        LAST: last,
      },
      stdin: "null",
    }).output();
    assert.equal(settled(new TextDecoder().decode(stdout)), settled(expected), commands);
    cwd = (await Deno.readTextFile(last)).trimEnd();
  }
  assert.equal(dirname(cwd), directory.path);
});

function settled(text: string): string {
  return VARYING.reduce((known, [pattern, word]) => known.replace(pattern, word), text);
}
