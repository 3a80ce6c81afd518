import { join } from "node:path";
import type { Files } from "../client/api.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { MANIFEST_NAME } from "./manifest.ts";

/** So that a wrong folder, such as the home directory, is not read as a whole. */
const MAX_FILES = 2000;
const MAX_BYTES = 256 * 1024 * 1024;

/** What is the editor's, the package manager's or this command line's own, and no part of the function. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  MANIFEST_NAME,
  "deno.json",
  "deno.jsonc",
  "node_modules",
]);

/** The entry of a function and of its tests. */
export const ENTRY = "main.ts";
export const TEST_ENTRY = "main.test.ts";

/** Whether a file or directory of this name belongs to the function; hidden ones do not. */
export function belongsToFunction(name: string): boolean {
  return !name.startsWith(".") && !LEFT_OUT.has(name);
}

/**
 * The files of the function in a folder, by their path with slashes, in order of the paths.
 *
 * @throws {Failure} where there is no main.ts, or something is there that cannot be uploaded
 */
export async function readFunctionFiles(folder: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  await readInto(files, { bytes: 0 }, folder, "");
  if (!files.has(ENTRY)) {
    throw new Failure(`There is no ${ENTRY} in ${folder}`, {
      next: "make a folder with a function with invoked init NAME, or change to one",
      exit: "usage",
    });
  }
  return new Map([...files].toSorted(([a], [b]) => a < b ? -1 : 1));
}

async function readInto(
  files: Map<string, Uint8Array>,
  total: { bytes: number },
  folder: string,
  prefix: string,
): Promise<void> {
  for (const { name, isDirectory, isFile } of await listDirectory(join(folder, prefix))) {
    if (!belongsToFunction(name)) continue;
    const path = `${prefix}${name}`;
    if (isDirectory) {
      await readInto(files, total, folder, `${path}/`);
      continue;
    }
    if (!isFile) {
      // A link could lead anywhere, and what it leads to would leave this machine.
      throw new Failure(`Cannot use ${join(folder, path)}: it is neither a file nor a directory`, {
        next: "put a copy of the file there instead of a link",
      });
    }
    const content = await Deno.readFile(join(folder, path));
    files.set(path, content);
    total.bytes += content.length;
    if (files.size > MAX_FILES || total.bytes > MAX_BYTES) {
      throw new Failure(
        `${folder} holds more than ${MAX_FILES} files or ${MAX_BYTES} bytes: is it a function?`,
        { next: "change to the folder of a function", exit: "usage" },
      );
    }
  }
}

async function listDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw new Failure(`Cannot read ${path}: ${describeError(error)}`, { exit: "usage" });
  }
}
