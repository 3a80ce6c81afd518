/** The bundler, a program that Deno downloads from the package registry when it bundles for the first time. */

import { join } from "node:path";
import type { Compiler } from "./compiler.ts";
import type { Workspace } from "./workspace.ts";

/** Arguments of every bundling. */
export const BUNDLE = [
  ...["bundle", "--platform", "deno", "--format", "esm", "--sourcemap=external", "--no-check"],
] as const;

/** Bytes of the bundler's download: the server's own need, which no author answers for. */
const DOWNLOAD_MAX_BYTES = 64 * 1024 * 1024;

/** Lets Deno download its bundler, unless it lies in the cache. The workspace must be empty. */
export async function fetchBundler(workspace: Workspace, compiler: Compiler): Promise<void> {
  if (await hasBundler(workspace)) return;
  const entry = join(workspace.home, "empty.ts");
  await Deno.writeTextFile(entry, "");
  const { code, stderr } = await compiler.runWithRegistry([
    ...BUNDLE,
    ...["--no-config", "--no-lock", "--no-remote", "-o", join(workspace.home, "empty.js"), entry],
  ], DOWNLOAD_MAX_BYTES);
  if (code !== 0) throw new Error(`Cannot download the bundler: ${stderr.trim()}`);
  await Deno.writeTextFile(markOf(workspace), "");
}

async function hasBundler(workspace: Workspace): Promise<boolean> {
  try {
    return (await Deno.stat(markOf(workspace))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Lies beside the bundler, so that it goes with it; each version of Deno has a bundler of its own. */
function markOf({ programs }: Workspace): string {
  return join(programs, `invoked-bundler-${Deno.version.deno}`);
}
