/** The files that `deno task docs` writes are what it writes now. */
import assert from "node:assert/strict";
import { GENERATED_FILES } from "../scripts/generated_files.ts";
import { readText } from "./support/repository.ts";

Deno.test("every generated file is what its script renders", async (t) => {
  for (const [path, render] of Object.entries(GENERATED_FILES)) {
    await t.step(path, async () => {
      const text = await readText(path);
      // Not by a comparison that shows thousands of lines: git diff shows what changed.
      assert.ok(text === await render(text), `${path} differs; write it with deno task docs`);
    });
  }
});
