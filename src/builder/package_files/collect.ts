/**
 * Finds the files beside the code of packages that this code reads: fonts, templates, WebAssembly. A file counts if the
 * bundled code of its package names it, or names its directory and its ending. Packages are hostile.
 */

import { join, resolve } from "node:path";
import { formatBytes } from "../../config/mod.ts";
import type { Graph } from "../graph.ts";
import type { Carried } from "./mount.ts";

/** Most bytes of one file, and of all files of a commit. Base64 in the script has a third more. */
const PACKAGE_FILE_BYTES_MAX = 10 * 1024 * 1024;
const PACKAGE_FILES_BYTES_MAX = 12 * 1024 * 1024;
/** Most files of a commit. */
const PACKAGE_FILES_MAX = 1_000;
/** Entries of directories that are looked at, and the depth of directories. */
const ENTRIES_MAX = 20_000;
const DEPTH_MAX = 16;

/** The code of a package in a bundle. */
export interface PackageCode {
  /** Such as `@scope/name@1.0.0`. */
  readonly name: string;
  /** The texts of its modules. */
  readonly texts: readonly string[];
  /** The paths of its modules in the package. */
  readonly modules: ReadonlySet<string>;
}

/** How code finds out where it is. */
const WHERE = /\b__(?:dirname|filename)\b|\bimport\.meta\b|\b__require\.resolve\b/;
/** How code reads a file. */
const READS = /\bnode:fs\b|\bfetch\b|\bDeno\.(?:read|open)|\breadFile|\b__require\.resolve\b/;
/** Words of code that may be names of files, of directories, or endings. */
const WORD = /[\w.@+-]{1,200}/g;
/** Endings of files that are not read when a function runs. */
const NEVER = /\.(?:node|map|md|markdown|tsx?|mts|cts|flow|exe|dll|dylib|so)$/i;
const CODE = /\.[cm]?jsx?$/i;

/** UTF-16 units that are searched before the event loop continues. */
const UNITS_AT_ONCE = 512 * 1024;

interface Found {
  readonly name: string;
  /** The name of its directory. */
  readonly folder: string;
  /** Its path in the function. */
  readonly path: string;
  readonly file: string;
}

/** Where packages are, and what may be looked at. */
interface Search {
  readonly code: PackageCode;
  readonly directory: string;
  readonly found: Found[];
  readonly left: { entries: number };
}

/**
 * The files that the script is to carry, by their paths in the function.
 * @param roots the only directories in which packages may be
 * @param bytesMax what the limit of the artifact leaves for them
 */
export async function collectFiles(
  codes: readonly PackageCode[],
  { npmPackages }: Graph,
  { roots, bytesMax }: { readonly roots: readonly string[]; readonly bytesMax: number },
): Promise<ReadonlyMap<string, Carried>> {
  const left = { entries: ENTRIES_MAX };
  const named: Found[] = [];
  for (const code of codes) {
    const isReader = [WHERE, READS].every((way) => code.texts.some((text) => way.test(text)));
    const directory = isReader
      ? Object.values(npmPackages).find(({ name, version }) => `${name}@${version}` === code.name)
        ?.localPath
      : undefined;
    if (directory === undefined || !isBelow(directory, roots)) continue;
    const found: Found[] = [];
    await list("", 0, { code, directory, found, left });
    named.push(...await namedIn(code.texts, found));
  }
  return await readAll(named, Math.min(bytesMax, PACKAGE_FILES_BYTES_MAX));
}

function isBelow(directory: string, roots: readonly string[]): boolean {
  return directory === resolve(directory) && roots.some((root) => directory.startsWith(`${root}/`));
}

async function list(path: string, depth: number, search: Search): Promise<void> {
  const { code, directory, found, left } = search;
  if (depth > DEPTH_MAX) return;
  const folder = path.split("/").at(-1) ?? "";
  // Links are neither files nor directories here.
  for await (const { name, isFile, isDirectory } of Deno.readDir(join(directory, path))) {
    if (left.entries-- <= 0) return;
    const inside = path === "" ? name : `${path}/${name}`;
    if (isDirectory && name !== "node_modules") await list(inside, depth + 1, search);
    // Other modules, such as `package.json`, are also read as files.
    const isBundled = CODE.test(name) && code.modules.has(inside);
    if (!isFile || NEVER.test(name) || isBundled) continue;
    const file = join(directory, inside);
    found.push({ name, folder, path: `/npm/${code.name}/${inside}`, file });
  }
}

/** The files whose names are in the texts, or their directories and endings. */
async function namedIn(texts: readonly string[], found: readonly Found[]): Promise<Found[]> {
  const wanted = new Set(found.flatMap(({ name, folder }) => [name, folder, endingOf(name)]));
  const words = new Set<string>();
  let units = 0;
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD)) if (wanted.has(word)) words.add(word);
    units += text.length;
    if (units < UNITS_AT_ONCE) continue;
    units = 0;
    await new Promise((resolve) => setTimeout(resolve));
  }
  return found.filter(({ name, folder }) =>
    words.has(name) || !CODE.test(name) && words.has(folder) && words.has(endingOf(name))
  );
}

/** `.afm`; empty without an ending. */
function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

/** Reads the smallest first, so that one large file does not exclude many. */
async function readAll(
  found: readonly Found[],
  bytesMax: number,
): Promise<ReadonlyMap<string, Carried>> {
  const sized = await Promise.all(
    found.map(async (one) => ({ ...one, size: (await Deno.lstat(one.file)).size })),
  );
  sized.sort((a, b) => a.size - b.size || (a.path < b.path ? -1 : 1));
  const files = new Map<string, Carried>();
  let left = bytesMax;
  for (const { path, file, size } of sized.slice(0, PACKAGE_FILES_MAX)) {
    if (size > PACKAGE_FILE_BYTES_MAX) {
      files.set(path, { leftOut: over(size, PACKAGE_FILE_BYTES_MAX, "a file of a package") });
    } else if (size > left) {
      const all = bytesMax - left + size;
      files.set(path, { leftOut: over(all, bytesMax, "all files of packages in a commit") });
    } else {
      const bytes = await readPlain(file, size);
      if (bytes === undefined) continue;
      left -= size;
      files.set(path, { base64: bytes.toBase64() });
    }
  }
  return files;
}

/**
 * Reads a file of this size. The cache is shared with other compilers: what was opened must be the plain file that the
 * path names, without a link in it.
 */
async function readPlain(path: string, size: number): Promise<Uint8Array | undefined> {
  using file = await Deno.open(path);
  const [opened, there] = [await file.stat(), await Deno.lstat(path)];
  const isSame = there.isFile && opened.isFile && opened.size === size &&
    opened.dev === there.dev && opened.ino === there.ino;
  if (!isSame || await Deno.realPath(path) !== path) return undefined;
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) return undefined;
    at += count;
  }
  return bytes;
}

function over(bytes: number, limit: number, what: string): string {
  return `${formatBytes(bytes)} are more than the limit of ${formatBytes(limit)} for ${what}`;
}
