/** The files that `deno task docs` writes are what it writes now. */
import assert from "node:assert/strict";
import { CONFIGURATION_PAGES } from "../scripts/configuration_page.ts";
import { GENERATED_FILES } from "../scripts/generated_files.ts";
import { readText, ROOT } from "./support/repository.ts";

Deno.test("every generated file is what its script renders", async (t) => {
  for (const [path, render] of Object.entries(GENERATED_FILES)) {
    await t.step(path, async () => {
      const text = await readText(path);
      // Not by a comparison that shows thousands of lines: git diff shows what changed.
      assert.ok(text === await render(text), `${path} differs; write it with deno task docs`);
    });
  }
});

Deno.test("docs/configuration has a page for each group of settings, and no other", async () => {
  const pages: string[] = [];
  for await (const { name } of Deno.readDir(new URL("docs/configuration/", ROOT))) {
    pages.push(`docs/configuration/${name}`);
  }
  const generated = Object.keys(CONFIGURATION_PAGES).filter((path) => /\/.*\//.test(path));
  assert.deepEqual(pages.toSorted(), generated.toSorted());
});
