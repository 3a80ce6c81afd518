import assert from "node:assert/strict";
import { renderConfigurationPage } from "../../scripts/configuration_page.ts";

Deno.test("docs/configuration.md is what the table of settings says", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/configuration.md", import.meta.url));
  assert.equal(page, renderConfigurationPage(), "run deno task docs");
});
