/** The modules that the server provides to functions, by their specifiers. */

import { join, relative } from "node:path";
import { fromFileUrl } from "./file_url.ts";
import { installed } from "../shared/installation.ts";

/** Specifier of each module and its file in the directory `sdk`; the files there import each other. */
const MODULES: Readonly<Record<string, string>> = {
  "@c1/functions-sdk": "functions_sdk.ts",
  "@c1/test": "test.ts",
};

/** The entry of a build for tests, written for each build beside the server's modules. */
const TEST_RUN_FILE = "test_run.ts";

/** The package of files without a specifier, in stacks. */
const PACKAGE = "@c1/functions-sdk";

const SDK_DIR = installed("sdk");

/** The imports of the modules, in a map beside the directory `sdk`. */
export const SDK_IMPORTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MODULES).map(([specifier, file]) => [specifier, `./sdk/${file}`]),
);

/** Copies the modules into a build's directory. */
export async function writeSdk(sdk: string): Promise<void> {
  await Deno.mkdir(sdk, { mode: 0o700 });
  for await (const { name, isFile } of Deno.readDir(SDK_DIR)) {
    if (isFile) await Deno.copyFile(join(SDK_DIR, name), join(sdk, name));
  }
}

/**
 * Writes the module that runs the tests of the commit.
 * @returns its path
 * @param main path of the function's module in the author's tree
 * @param tests path of the module of its tests there
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

/** Whether this specifier resolves to the server's module of that name. */
export function isSdkImport(written: string, url: string, sdkDir: string): boolean {
  const file = Object.hasOwn(MODULES, written) ? MODULES[written] : undefined;
  return file !== undefined && fromFileUrl(url) === join(sdkDir, file);
}

/** The name of the server's module in this file; undefined for another file. */
export function sdkModuleName(path: string, sdkDir: string): string | undefined {
  const file = relative(sdkDir, path);
  if (file.startsWith("..")) return undefined;
  const specifier = Object.keys(MODULES).find((name) => MODULES[name] === file);
  return specifier ?? `${PACKAGE}/${file}`;
}

/** The modules in the form that an editor needs. */
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
