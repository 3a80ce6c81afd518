/** Writes docs/npm.md from the functions of tests/npm and the table of their fates. */
import { readFunctions, renderNpmPage } from "../tests/npm/page.ts";

const page = new URL("../docs/npm.md", import.meta.url);
Deno.writeTextFileSync(page, renderNpmPage(await readFunctions()));
