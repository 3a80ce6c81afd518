/** The private directory of one build. */

import { basename, dirname, join } from "node:path";
import type { SourceFiles } from "./contract.ts";
import { isConfiguration } from "./paths.ts";
import { writeSdk } from "./sdk.ts";

/**
 * Directories of one build. `deno` is its own DENO_DIR. Builds share the downloads alone: `npm` and `dl` are links
 * into the shared cache, which Deno locks and checks by integrity. No build sees an analysis or emit cache of another.
 */
export type Workspace = Readonly<Awaited<ReturnType<typeof openWorkspace>>>;

/**
 * Gives the build its own package cache. A lock may claim that the files of one package are another's; in the shared
 * cache every other build would then use them.
 */
export async function unsharePackages(workspace: Workspace): Promise<void> {
  const packages = join(workspace.deno, "npm");
  await Deno.remove(packages);
  await Deno.mkdir(packages, { mode: 0o700 });
}

/** The directories in which packages of the build may be: the shared directory, and its own. */
export function packageRoots({ downloads, deno }: Workspace): readonly string[] {
  return [...downloads, deno];
}

/** The directories of the shared cache that builds link to. */
const PROGRAMS = "dl";
const SHARED = ["npm", PROGRAMS] as const;

/** The directory of the cache that holds programs. */
export function programsOf(cacheDir: string): string {
  return join(cacheDir, PROGRAMS);
}

/**
 * Creates the directory and writes the files that take part in the build; disposing removes it.
 * @param files of the author's tree; undefined for a run of the compiler without one, which needs no SDK either
 */
export async function openWorkspace(
  files: SourceFiles | undefined,
  options: { readonly workDir: string; readonly cacheDir: string },
) {
  for (const directory of [options.workDir, options.cacheDir]) {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  }
  const cacheDir = await Deno.realPath(options.cacheDir);
  const root = await Deno.realPath(
    await Deno.makeTempDir({ dir: options.workDir, prefix: "build-" }),
  );
  const downloads = SHARED.map((name) => join(cacheDir, name));
  const workspace = {
    root,
    /** The author's tree; the working directory of the compiler. */
    source: join(root, "src"),
    deno: join(root, "deno"),
    home: join(root, "home"),
    /** The server's own modules that functions can import. */
    sdk: join(root, "sdk"),
    /** Maps the names of these modules and the names in the commit's configuration files. */
    importMap: join(root, "imports.json"),
    /** Options of the compiler, if the commit has some. */
    config: join(root, "options.json"),
    lock: join(root, "deno.lock"),
    bundle: join(root, "bundle.js"),
    sourceMap: join(root, "bundle.js.map"),
    /** The shared directories of the cache that the compiler writes downloads to. */
    downloads,
    /** The one of them that holds programs. */
    programs: programsOf(cacheDir),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
  try {
    for (const directory of [workspace.source, workspace.deno, workspace.home]) {
      await Deno.mkdir(directory, { mode: 0o700 });
    }
    if (files !== undefined) await writeSdk(workspace.sdk);
    for (const directory of downloads) {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      await Deno.symlink(directory, join(workspace.deno, basename(directory)));
    }
    for (const [path, content] of files ?? []) await writeSource(workspace.source, path, content);
  } catch (error) {
    await workspace[Symbol.asyncDispose]();
    throw error;
  }
  return workspace;
}

async function writeSource(source: string, path: string, content: Uint8Array): Promise<void> {
  if (isConfiguration(path)) return;
  const file = join(source, path);
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeFile(file, content, { createNew: true, mode: 0o600 });
}
