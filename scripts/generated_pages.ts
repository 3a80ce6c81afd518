/** Writes the generated pages of docs, and the types of the API for the console. */
import { renderCommandLinePage } from "./command_line_page.ts";
import { renderConsoleSchema } from "./console_schema.ts";
import { renderConfigurationPage } from "./configuration_page.ts";
import { renderPermissionsPage } from "./permissions_page.ts";
import { renderSdkPage } from "./sdk_page.ts";
import { renderTriggersPage } from "./triggers_page.ts";
import { readFunctions, renderNpmPage } from "./npm_page.ts";

const PAGES = {
  "configuration.md": renderConfigurationPage,
  "cli.md": renderCommandLinePage,
  "permissions.md": renderPermissionsPage,
  "sdk-methods.md": renderSdkPage,
  "triggers.md": renderTriggersPage,
  "npm.md": async () => renderNpmPage(await readFunctions()),
};

for (const [name, render] of Object.entries(PAGES)) {
  await Deno.writeTextFile(
    new URL(`../docs/${name}`, import.meta.url),
    await render(),
  );
}
await Deno.writeTextFile(
  new URL("../console/src/api/schema.d.ts", import.meta.url),
  await renderConsoleSchema(),
);
