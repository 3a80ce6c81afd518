/** Types that an editor needs for a commit: declarations of its locked packages, and the SDK. Packages are hostile. */

import { join, relative } from "node:path";
import type { PackageTypes } from "./contract.ts";
import { readSdk } from "./sdk.ts";
import { z } from "zod";

/** Most bytes, files and depth of directories of the packages of one commit. */
const TYPES_BYTES_MAX = 16 * 1024 * 1024;
const TYPES_FILES_MAX = 5_000;
const DEPTH_MAX = 16;
/** Directories and files that are looked at, declarations or not. */
const ENTRIES_MAX = 50_000;

const DECLARATION = /\.d\.[cm]?ts$/;
const MANIFEST = "package.json";
const NPM_NAME = /^((?:@[\w.~-]+\/)?[\w.~-]+)@(\d+\.\d+\.\d+[\w.+~-]*)/;

const lockSchema = z.object({
  specifiers: z.record(z.string(), z.string()).default({}),
  npm: z.record(z.string(), z.unknown()).default({}),
});

interface Package {
  readonly name: string;
  readonly version: string;
}

/** What may still be read. */
interface Allowance {
  bytes: number;
  files: number;
  entries: number;
}

/** The modules of the server as packages: the first has the files, and the manifests of all point there. */
export async function sdkTypes(): Promise<ReadonlyMap<string, string>> {
  const { files, modules } = await readSdk();
  const [first = ""] = Object.keys(modules);
  const shared = `node_modules/${first}`;
  const manifests = Object.entries(modules).map(([specifier, main]) => {
    const directory = `node_modules/${specifier}`;
    const types = `${relative(directory, shared) || "."}/${main}`;
    return [`${directory}/${MANIFEST}`, JSON.stringify({ name: specifier, types })] as const;
  });
  return new Map([
    ...manifests,
    ...Array.from(files, ([name, text]) => [`${shared}/${name}`, text] as const),
  ]);
}

/**
 * Reads the declarations of the packages of a lock from the shared cache.
 * @param lock text of `deno.lock`
 */
export async function packageTypes(
  lock: string,
  { cacheDir, registry }: { readonly cacheDir: string; readonly registry: string },
): Promise<PackageTypes> {
  const base = join(cacheDir, "npm", directoryOf(registry));
  const files = new Map<string, string>();
  const missing: string[] = [];
  const left = { bytes: TYPES_BYTES_MAX, files: TYPES_FILES_MAX, entries: ENTRIES_MAX };
  let isTruncated = false;
  for (const { name, version } of packagesOf(lock)) {
    const directory = join(base, ...name.split("/"), version);
    if (!await isDirectory(directory)) {
      missing.push(`${name}@${version}`);
      continue;
    }
    const isWhole = await readPackage(directory, `node_modules/${name}`, 0, { files, left });
    isTruncated ||= !isWhole;
  }
  return { files, isTruncated, missing };
}

/** The directory of a registry in the cache of Deno: its host, and its port, if any. */
function directoryOf(registry: string): string {
  const { hostname, port, pathname } = new URL(registry);
  const host = port === "" ? hostname : `${hostname}_${port}`;
  return join(host, ...pathname.split("/").filter((part) => part !== ""));
}

/** The packages of a lock, each once: of several versions the version that the commit imports, else the first. */
function packagesOf(lock: string): readonly Package[] {
  const { specifiers, npm } = lockSchema.parse(JSON.parse(lock));
  const imported = Object.entries(specifiers).flatMap(([specifier, version]) => {
    const name = /^npm:((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1];
    return name === undefined ? [] : [`${name}@${version}`];
  });
  const packages = new Map<string, Package>();
  for (const key of [...imported, ...Object.keys(npm)]) {
    const [, name = "", version = ""] = NPM_NAME.exec(key) ?? [];
    const isName = name !== "" && name.split("/").every((part) => !/^\.*$/.test(part));
    if (isName && !packages.has(name)) packages.set(name, { name, version });
  }
  return [...packages.values()];
}

/** Links are not followed: they are neither files nor directories here. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** @returns whether all was read */
async function readPackage(
  directory: string,
  shown: string,
  depth: number,
  into: { readonly files: Map<string, string>; readonly left: Allowance },
): Promise<boolean> {
  const { files, left } = into;
  if (depth > DEPTH_MAX) return false;
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    if (left.entries-- <= 0) return false;
    const path = join(directory, name);
    if (isDirectory && name !== "node_modules") {
      if (!await readPackage(path, `${shown}/${name}`, depth + 1, into)) return false;
    } else if (isFile && (name === MANIFEST || DECLARATION.test(name))) {
      const { size, isFile } = await Deno.lstat(path);
      if (!isFile) continue;
      if (left.files <= 0 || size > left.bytes) return false;
      left.files--;
      left.bytes -= size;
      files.set(`${shown}/${name}`, await Deno.readTextFile(path));
    }
  }
  return true;
}
