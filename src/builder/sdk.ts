/** The modules that the server itself provides to functions, by the names under which they are imported. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromFileUrl } from "./file_url.ts";

/** Specifier of each module and its file in the runtime's `sdk` directory. */
const MODULES: Readonly<Record<string, string>> = {
  "@c1/functions-sdk": "functions_sdk.ts",
};

const SDK_DIR = fileURLToPath(new URL("../runtime/sdk/", import.meta.url));

/** Copies the modules into a build's directory and writes the import map that leads to them. */
export async function writeSdk(
  { sdk, importMap }: { readonly sdk: string; readonly importMap: string },
): Promise<void> {
  await Deno.mkdir(sdk, { mode: 0o700 });
  const imports: Record<string, string> = {};
  for (const [specifier, file] of Object.entries(MODULES)) {
    await Deno.copyFile(join(SDK_DIR, file), join(sdk, file));
    imports[specifier] = `./sdk/${file}`;
  }
  await Deno.writeTextFile(importMap, JSON.stringify({ imports }), { mode: 0o600 });
}

/** Whether an import that is written like this leads to the module of the server that it names. */
export function isSdkImport(written: string, url: string, sdkDir: string): boolean {
  const file = Object.hasOwn(MODULES, written) ? MODULES[written] : undefined;
  return file !== undefined && fromFileUrl(url) === join(sdkDir, file);
}

/** The specifier of the module that lies in this file, or `undefined` when it is none. */
export function sdkModuleName(path: string, sdkDir: string): string | undefined {
  return Object.keys(MODULES).find((specifier) => path === join(sdkDir, MODULES[specifier] ?? ""));
}

/** The modules as an editor needs them. */
export interface SdkSources {
  /** Text of each file by its name. */
  readonly files: ReadonlyMap<string, string>;
  /** File of each module by its specifier. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Reads the modules, for tools that show their types to the author. */
export async function readSdk(): Promise<SdkSources> {
  const files = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(SDK_DIR)) {
    if (isFile) files.set(name, await Deno.readTextFile(join(SDK_DIR, name)));
  }
  return { files, modules: MODULES };
}
