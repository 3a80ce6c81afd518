/**
 * Bundles the runtime into one file. A process starts from it in three quarters of the time that separate modules take:
 * each module costs a resolution, an analysis and a transpilation. The file is one call of `eval`, because Deno parses
 * the syntax of a module before V8 does, and a string literal is parsed quickly.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import manifest from "../../../package.json" with { type: "json" };

const RUNTIME_DIR = fileURLToPath(new URL("../../runtime/", import.meta.url));
const ENTRY = "bootstrap.ts";

/** `bootstrap-<digest>.mjs`: the extension saves Deno the detection of the module kind. */
const BUNDLE_NAME = /^bootstrap-[0-9a-f]{16}\.mjs$/;

/** Bundles this runtime into the directory unless the bundle exists, and returns the path of the file. */
export async function bundleRuntime(directory: string): Promise<string> {
  const name = `bootstrap-${await digestOfRuntime()}.mjs`;
  const path = join(directory, name);
  if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  const temporary = join(directory, `${name}.${crypto.randomUUID()}`);
  await Deno.writeTextFile(temporary, await bundle(pathToFileURL(path).href));
  await Deno.chmod(temporary, 0o644);
  await Deno.rename(temporary, path);
  for await (const { name: other } of Deno.readDir(directory)) {
    if (other !== name && BUNDLE_NAME.test(other)) await Deno.remove(join(directory, other));
  }
  return path;
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

async function bundle(name: string): Promise<string> {
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
    if (file === undefined) throw new Error("Cannot bundle the runtime: the bundler wrote no file");
    // Names the file on the stacks that a function sees, as for any module.
    const text = `"use strict";${file.text}\n//# sourceURL=${name}`;
    return `(0,eval)(${JSON.stringify(text)})`;
  } finally {
    await stop();
  }
}
