/** The files of this repository, by their path from its root. */
import assert from "node:assert/strict";
import { posix } from "node:path";

export const ROOT = new URL("../../", import.meta.url);

export function readText(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** The text of each file by its path from the root of the project. */
export type Files = ReadonlyMap<string, string>;

/** The TypeScript of the server, the SDK, the console and the example tenant, which a server may run. */
export async function readSources(): Promise<Files> {
  const folders = await Promise.all(
    ["src", "sdk", "console/src", "examples/tenant"].map(readFiles),
  );
  return new Map(folders.flatMap((files) => [...files]));
}

/** The TypeScript files of a folder. */
export async function readFiles(folder: string): Promise<Files> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      for (const [inner, text] of await readFiles(path)) files.set(inner, text);
    } else if (/\.tsx?$/.test(path)) files.set(path, await readText(path));
  }
  assert.ok(
    files.size > 0 || !/^(?:src|sdk|tests)$/.test(folder),
    `${folder} has no TypeScript file`,
  );
  return files;
}

/** Static, type-only and dynamic imports and re-exports of relative modules. */
const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*["'`](\.[^"'`]*)["'`]/g;

/** The relative specifiers that a source imports or exports from. */
export function specifiersIn(text: string): string[] {
  return [...text.matchAll(RELATIVE_IMPORT)].map(([, specifier = ""]) => specifier);
}

/** The path of the module that a specifier names in the file at a path. */
export function resolve(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}
