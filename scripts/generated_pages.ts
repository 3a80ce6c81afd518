/** Writes the pages of docs that are made from the code. */
import { renderCommandLinePage } from "../src/cli/page.ts";
import { renderConfigurationPage } from "../src/config/page.ts";

const PAGES = {
  "configuration.md": renderConfigurationPage,
  "cli.md": renderCommandLinePage,
};

for (const [name, render] of Object.entries(PAGES)) {
  Deno.writeTextFileSync(new URL(`../docs/${name}`, import.meta.url), render());
}
