/** Pastes the `sh` blocks of docs/first-function.md: each prints what the `text` block below it shows. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { COMMAND_ENV, INVOKED } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";

/** What differs from one run to the next. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/http:\/\/127\.0\.0\.1:\d+/g, "URL"],
  [/\b[0-9A-Za-z]{27}\b/g, "ID"],
  // The type check may not end in time.
  [/^(?:No type errors|The type check has not ended.*)\n/gm, ""],
  // Module code takes longer on a busy machine, and its report may not be there in time.
  [
    /^(?:Each invocation runs the module code|Invocations start from a template|.*has not run).*\n/gm,
    "",
  ],
  [/ in \d+\.\d\d s$/gm, " in SECONDS"],
  [/ in [\d,]+ ms$/gm, " in MILLISECONDS"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
];

/** A line of a `text` block for lines that the page leaves out. */
const OMITTED = "...\n";

Deno.test("docs/first-function.md shows what its commands print", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/first-function.md", import.meta.url));
  await using server = await TestServer.start();
  // Without a space: the blocks have /tmp in place of this folder.
  const folder = await Deno.makeTempDir({ prefix: "invoked-page-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.mkdir(join(folder, "bin"));
  await Deno.symlink(INVOKED, join(folder, "bin", "invoked"));
  await Deno.symlink(server.dataDir, join(folder, ".invoked"));
  const steps = page.split("```sh\n").slice(1).map((step) => ({
    commands: step.slice(0, step.indexOf("```")).replaceAll("/tmp/", `${folder}/`),
    expected: /^```text\n([^]*?)```$/m.exec(step)?.[1] ?? "",
  }));
  assert.ok(steps.length > 3);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `exec 2>&1\n${steps.map(({ commands }) => commands).join("printf '\\0'\n")}`],
    cwd: folder,
    clearEnv: true,
    env: COMMAND_ENV,
    stdin: "null",
  }).output();
  const outputs = new TextDecoder().decode(stdout).split("\0");
  assert.equal(outputs.length, steps.length);
  for (const [index, { commands, expected }] of steps.entries()) {
    let rest = settled(outputs[index] ?? "");
    for (const part of settled(expected).split(OMITTED)) {
      const at = rest.indexOf(part);
      assert.ok(at !== -1, `${commands}\nprints\n${rest}\nwithout\n${part}`);
      rest = rest.slice(at + part.length);
    }
  }
});

function settled(text: string): string {
  return VARYING.reduce((known, [pattern, word]) => known.replace(pattern, word), text);
}
