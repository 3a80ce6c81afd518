/** The built console. */
import { join } from "node:path";
import { copyInto, ROOT, run } from "./files.ts";
import type { PackageName } from "./packages.ts";

const DIST = "console/dist";
/** What the build writes about itself. */
const NOTES = /^\./;
/** Where `console/vite.config.ts` has the list of bundled packages written. */
const PACKAGES = ".vite/license.json";

/** Builds the console from its sources, and copies it into the tree. @returns the packages that the build contains */
export async function addConsole(tree: string): Promise<readonly PackageName[]> {
  await run(join(ROOT, "scripts/console"), []);
  for await (const { name } of Deno.readDir(join(ROOT, DIST))) {
    if (!NOTES.test(name)) await copyInto(tree, `${DIST}/${name}`);
  }
  const packages: PackageName[] = JSON.parse(
    await Deno.readTextFile(join(ROOT, DIST, PACKAGES)),
  );
  return packages;
}
