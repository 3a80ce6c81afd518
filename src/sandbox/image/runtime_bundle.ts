/**
 * Writes the runtime as one file. A process starts from it in three quarters of the time that separate modules take:
 * each module costs a resolution, an analysis and a transpilation. The file is one call of `eval`, because Deno parses
 * the syntax of a module before V8 does, and a string literal is parsed quickly.
 */
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { exists } from "../../shared/files.ts";
import { installed, IS_RELEASE } from "../../shared/installation.ts";

/** The compiled runtime of a release, from the root. */
export const RELEASED_RUNTIME = "runtime/runtime.js";

/** `bootstrap-<digest>.mjs`: the extension saves Deno the detection of the module kind. */
const BUNDLE_NAME = /^bootstrap-[0-9a-f]{16}\.mjs$/;
/** What the bundler printed. */
const KEPT_NAME = /^runtime-[0-9a-f]{16}\.js$/;

/**
 * Writes the bundle of this runtime into the directory unless it is there, and returns the path of the file.
 * @param keptDir keeps the output of the bundler for later starts, because the directory may not outlive this one
 */
export async function bundleRuntime(directory: string, keptDir: string): Promise<string> {
  const script = IS_RELEASE ? installed(RELEASED_RUNTIME) : await compiledRuntime(keptDir);
  const text = await Deno.readTextFile(script);
  const path = join(directory, `bootstrap-${await digestOf(text)}.mjs`);
  if (await exists(path)) return path;
  // Names the file on the stacks that a function sees, as for any module.
  const named = `"use strict";${text}\n//# sourceURL=${pathToFileURL(path)}`;
  await writeNewest(path, `(0,eval)(${JSON.stringify(named)})`, BUNDLE_NAME);
  return path;
}

/** The path of the script in the directory, compiled unless it is there. */
async function compiledRuntime(keptDir: string): Promise<string> {
  const { compileRuntime, readSources } = await import("./compile_runtime.ts");
  const path = join(keptDir, `runtime-${await digestOf(await readSources())}.js`);
  if (!await exists(path)) await writeNewest(path, await compileRuntime(), KEPT_NAME);
  return path;
}

/** Writes a file, whole or not at all, and removes others of its directory with such a name. */
async function writeNewest(path: string, text: string, names: RegExp): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, text);
  await Deno.chmod(temporary, 0o644);
  await Deno.rename(temporary, path);
  for await (const { name } of Deno.readDir(dirname(path))) {
    if (name !== basename(path) && names.test(name)) await Deno.remove(join(dirname(path), name));
  }
}

/** The first 16 hexadecimal digits of the SHA-256 of a text. */
async function digestOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}
