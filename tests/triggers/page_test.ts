import assert from "node:assert/strict";
import { renderTriggersPage } from "../../scripts/triggers_page.ts";

Deno.test("docs/triggers.md is what the script renders", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/triggers.md", import.meta.url));
  assert.equal(page, renderTriggersPage(), "write it with deno task docs");
});
