/** Writes docs/configuration.md from the table of settings. */
import { renderConfigurationPage } from "../src/config/page.ts";

const page = new URL("../docs/configuration.md", import.meta.url);
Deno.writeTextFileSync(page, renderConfigurationPage());
