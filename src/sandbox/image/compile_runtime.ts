/** Compiles the runtime of instances into one script: at the first start of a clone, and once for a release. */
import { join } from "node:path";
import { installed } from "../../shared/installation.ts";
import manifest from "../../../package.json" with { type: "json" };

const RUNTIME_DIR = installed("src/runtime");
const ENTRY = "bootstrap.ts";

/** The script of the sources. */
export async function compileRuntime(): Promise<string> {
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

/** All inputs of the script as one text: the modules of the runtime, and the version of the bundler. */
export async function readSources(): Promise<string> {
  const parts: string[] = [manifest.devDependencies.esbuild];
  for await (const name of filesBelow(RUNTIME_DIR)) {
    parts.push(`${name}\n${await Deno.readTextFile(name)}`);
  }
  return parts.sort().join("\0");
}

async function* filesBelow(directory: string): AsyncGenerator<string> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isFile) yield path;
    else yield* filesBelow(path);
  }
}
