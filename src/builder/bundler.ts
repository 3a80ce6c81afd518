/**
 * The bundler: a program that Deno downloads from the package registry when it bundles for the first time. A release
 * carries this program, so that the first function builds without a registry.
 */

import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Compiler } from "./compiler.ts";
import { exists } from "../shared/files.ts";
import { installed } from "../shared/installation.ts";
import { assertPositions, assertReplaceable } from "./interop.ts";
import { programsOf, type Workspace } from "./workspace.ts";

/** Arguments of every run of the bundler. */
export const BUNDLE = [
  ...["bundle", "--platform", "deno", "--format", "esm", "--sourcemap=external", "--no-check"],
] as const;

/** The bundler of the pinned version of Deno, and the name of its folder among Deno's programs. */
const BUNDLER = { version: "0.25.5", folder: "esbuild-0.25.5-1" } as const;

/** Names of the machines for which there is a release, by their architecture. */
const PLATFORMS = { x86_64: "linux-x64", aarch64: "linux-arm64" } as const;
type Platform = typeof PLATFORMS[keyof typeof PLATFORMS];

/** The bundlers that a release carries: npm's packages of them, and their paths from the root. */
export const CARRIED_BUNDLERS = Object.values(PLATFORMS).map((platform) => ({
  package: `@esbuild/${platform}`,
  version: BUNDLER.version,
  platform,
  path: carriedPath(platform),
}));

/** Limit of the bundler's own download, in bytes. It does not count against the author's limit. */
const DOWNLOAD_MAX_BYTES = 64 * 1024 * 1024;

/** Modules whose bundle contains the helpers that `interop.ts` knows: CommonJS that requires an ES module and a built-in. */
const PROBE = {
  "entry.ts": 'import "./required.cjs";\n',
  "required.cjs": 'module.exports = [\nrequire("node:fs"),\nrequire("./module.mjs")];\n',
  "module.mjs": "export default () => {};\n",
} as const;

/**
 * Copies the carried bundler to Deno's programs, or lets Deno download it, and checks that it prints what the builder
 * rewrites. The workspace must hold no files of a commit.
 *
 * @throws {Error} for a failed download, and for a bundler with another output
 */
export async function fetchBundler(workspace: Workspace, compiler: Compiler): Promise<void> {
  await copyCarried(workspace.programs);
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

function carriedPath(platform: Platform): string {
  return `bundler/esbuild-${BUNDLER.version}-${platform}`;
}

/** Copies the bundler that a release carries to where Deno looks before it downloads one. */
async function copyCarried(programs: string): Promise<void> {
  const platform = PLATFORMS[Deno.build.arch];
  const carried = installed(carriedPath(platform));
  if (!await exists(carried)) return;
  const path = join(programs, BUNDLER.folder, `esbuild-${platform}`);
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Servers with the same cache may start at the same time.
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.copyFile(carried, temporary);
  await Deno.chmod(temporary, 0o755);
  await Deno.rename(temporary, path);
}

/** Whether the cache holds the bundler of this version of Deno, checked. */
export async function hasBundler(cacheDir: string): Promise<boolean> {
  return await exists(markOf(programsOf(cacheDir)));
}

/**
 * Copies the checked bundler of one cache into another.
 * @returns false without a bundler
 */
export async function copyBundler(from: string, to: string): Promise<boolean> {
  if (!await hasBundler(from)) return false;
  await cp(programsOf(from), programsOf(to), { recursive: true });
  return true;
}

/** A file beside the bundler, so that both are deleted together. Each version of Deno has its own bundler. */
function markOf(programs: string): string {
  return join(programs, `invoked-bundler-${Deno.version.deno}-checked`);
}
