/**
 * Bundles the runtime into one file. A process starts from it in three quarters of the time that separate modules take:
 * each module costs a resolution, an analysis and a transpilation. The file is one call of `eval`, because Deno parses
 * the syntax of a module before V8 does, and a string literal is parsed quickly.
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import manifest from "../../../package.json" with { type: "json" };
import { exists } from "../../shared/files.ts";

const RUNTIME_DIR = fileURLToPath(new URL("../../runtime/", import.meta.url));
const ENTRY = "bootstrap.ts";

/** `bootstrap-<digest>.mjs`: the extension saves Deno the detection of the module kind. */
const BUNDLE_NAME = /^bootstrap-[0-9a-f]{16}\.mjs$/;
/** What the bundler printed. */
const KEPT_NAME = /^runtime-[0-9a-f]{16}\.js$/;

/**
 * Writes the bundle of this runtime into the directory unless it is there, and returns the path of the file.
 * @param keptDir keeps the output of the bundler for later starts, because the directory may not outlive this one
 */
export async function bundleRuntime(directory: string, keptDir: string): Promise<string> {
  const digest = await digestOfRuntime();
  const path = join(directory, `bootstrap-${digest}.mjs`);
  if (await exists(path)) return path;
  const kept = join(keptDir, `runtime-${digest}.js`);
  if (!await exists(kept)) await writeNewest(kept, await bundle(), KEPT_NAME);
  // Names the file on the stacks that a function sees, as for any module.
  const text = `"use strict";${await Deno.readTextFile(kept)}\n//# sourceURL=${
    pathToFileURL(path)
  }`;
  await writeNewest(path, `(0,eval)(${JSON.stringify(text)})`, BUNDLE_NAME);
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

/** Covers all inputs of the bundle: the modules of the runtime, the bundler and Deno. */
async function digestOfRuntime(): Promise<string> {
  const { esbuild, deno } = manifest.dependencies;
  const parts = [`${esbuild} ${deno}`];
  for await (const name of filesBelow(RUNTIME_DIR)) {
    parts.push(`${name}\n${await Deno.readTextFile(name)}`);
  }
  const text = new TextEncoder().encode(parts.sort().join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex().slice(0, 16);
}

async function* filesBelow(directory: string): AsyncGenerator<string> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isFile) yield path;
    else yield* filesBelow(path);
  }
}

async function bundle(): Promise<string> {
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: [join(RUNTIME_DIR, ENTRY)],
      bundle: true,
      minify: true,
      format: "iife",
      target: "esnext",
      platform: "neutral",
      write: false,
      logLevel: "silent",
    });
    const [file] = outputFiles;
    if (file === undefined) throw new Error("The bundler wrote no file of the runtime");
    return file.text;
  } finally {
    await stop();
  }
}
