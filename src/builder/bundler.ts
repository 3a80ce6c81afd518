/** The bundler: a program that Deno downloads from the package registry when it bundles for the first time. */

import { join } from "node:path";
import type { Compiler } from "./compiler.ts";
import { assertPositions, assertReplaceable } from "./interop.ts";
import { programsOf, type Workspace } from "./workspace.ts";

/** Arguments of every run of the bundler. */
export const BUNDLE = [
  ...["bundle", "--platform", "deno", "--format", "esm", "--sourcemap=external", "--no-check"],
] as const;

/** Limit of the bundler's own download, in bytes. It does not count against the author's limit. */
const DOWNLOAD_MAX_BYTES = 64 * 1024 * 1024;

/** Modules whose bundle contains the helpers that `interop.ts` knows: CommonJS that requires an ES module and a built-in. */
const PROBE = {
  "entry.ts": 'import "./required.cjs";\n',
  "required.cjs": 'module.exports = [\nrequire("node:fs"),\nrequire("./module.mjs")];\n',
  "module.mjs": "export default () => {};\n",
} as const;

/**
 * Lets Deno download its bundler, and checks that it prints what the builder rewrites. The workspace must hold no
 * files of a commit.
 *
 * @throws {Error} for a failed download, and for a bundler with another output
 */
export async function fetchBundler(workspace: Workspace, compiler: Compiler): Promise<void> {
  for (const [name, text] of Object.entries(PROBE)) {
    await Deno.writeTextFile(join(workspace.home, name), text);
  }
  const entry = join(workspace.home, "entry.ts");
  const bundle = join(workspace.home, "bundle.js");
  const { code, stderr } = await compiler.runWithRegistry([
    ...BUNDLE,
    ...["--no-config", "--no-lock", "--no-remote", "-o", bundle, entry],
  ], DOWNLOAD_MAX_BYTES);
  if (code !== 0) throw new Error(`Failed to download the bundler: ${stderr.trim()}`);
  const text = await Deno.readTextFile(bundle);
  assertReplaceable(text);
  const probe = { text: '("node:fs")', line: 2 };
  assertPositions(text, await Deno.readTextFile(`${bundle}.map`), probe);
  await Deno.writeTextFile(markOf(workspace.programs), "");
}

/** Whether the cache holds the bundler of this version of Deno, checked. */
export async function hasBundler(cacheDir: string): Promise<boolean> {
  try {
    return (await Deno.stat(markOf(programsOf(cacheDir)))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A file beside the bundler, so that both are deleted together. Each version of Deno has its own bundler. */
function markOf(programs: string): string {
  return join(programs, `invoked-bundler-${Deno.version.deno}-checked`);
}
