/** The modules that the server itself provides to functions, by the names under which they are imported. */

import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { fromFileUrl } from "./file_url.ts";

/** Specifier of each module and its file in the runtime's `sdk` directory; the files there import each other. */
const MODULES: Readonly<Record<string, string>> = {
  "@c1/functions-sdk": "functions_sdk.ts",
  "@c1/test": "test.ts",
};

/** The module that a build for tests begins with: made for each build, beside the server's own modules. */
const TEST_RUN_FILE = "test_run.ts";

/** Under which the files that have no specifier stand in stacks. */
const PACKAGE = "@c1/functions-sdk";

const SDK_DIR = fileURLToPath(new URL("../../sdk/", import.meta.url));

/** Copies the modules into a build's directory and writes the import map that leads to them. */
export async function writeSdk(
  { sdk, importMap }: { readonly sdk: string; readonly importMap: string },
): Promise<void> {
  await Deno.mkdir(sdk, { mode: 0o700 });
  for await (const { name, isFile } of Deno.readDir(SDK_DIR)) {
    if (isFile) await Deno.copyFile(join(SDK_DIR, name), join(sdk, name));
  }
  const imports = Object.fromEntries(
    Object.entries(MODULES).map(([specifier, file]) => [specifier, `./sdk/${file}`]),
  );
  await Deno.writeTextFile(importMap, JSON.stringify({ imports }), { mode: 0o600 });
}

/**
 * Writes the module that runs the tests of the commit, and tells where.
 * @param main path of the function's module in the commit
 * @param tests path of the module of its tests
 */
export async function writeTestRun(sdk: string, main: string, tests: string): Promise<string> {
  const module = (path: string) => JSON.stringify(`../src/${path}`);
  // The function is loaded before its tests.
  const lines = [
    `import * as main from ${module(main)};`,
    `import * as tests from ${module(tests)};`,
    'import { testRunner } from "./test_runner.ts";',
    "export default testRunner(main, tests);",
  ];
  const path = join(sdk, TEST_RUN_FILE);
  await Deno.writeTextFile(path, lines.join("\n"), { mode: 0o600 });
  return path;
}

/** Whether an import that is written like this leads to the module of the server that it names. */
export function isSdkImport(written: string, url: string, sdkDir: string): boolean {
  const file = Object.hasOwn(MODULES, written) ? MODULES[written] : undefined;
  return file !== undefined && fromFileUrl(url) === join(sdkDir, file);
}

/** The name of the server's module that lies in this file, or `undefined` when it is none. */
export function sdkModuleName(path: string, sdkDir: string): string | undefined {
  const file = relative(sdkDir, path);
  if (file.startsWith("..")) return undefined;
  const specifier = Object.keys(MODULES).find((name) => MODULES[name] === file);
  return specifier ?? `${PACKAGE}/${file}`;
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
