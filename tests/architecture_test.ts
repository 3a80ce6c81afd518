/** The order of the rooms and the house rules that a machine can check. */
import assert from "node:assert/strict";
import { posix } from "node:path";

/** Each room may import from itself and from those after it. */
const ROOMS = [
  "main.ts",
  "cli",
  "compose",
  "http",
  "api",
  "domain",
  "engine",
  "sandbox",
  "builder",
  "isolation",
  "store",
  "config",
  "shared",
  "runtime",
];

/** What the source may import from outside of src. */
const PROJECT_FILES = ["package.json"];
/** The one room that reads the environment, and the one that takes it away from functions. */
const ENVIRONMENT_ROOMS = ["config", "runtime"];
const MAX_SOURCE_LINES = 400;

/** Static, type-only and dynamic imports and re-exports of relative modules. */
const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*["'`](\.[^"'`]*)["'`]/g;
const ENVIRONMENT = new RegExp(
  String.raw`\b(?:Deno|process)\s*(?:\?\.|\.)\s*env\b` +
    String.raw`|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*["'](?:node:)?process["']`,
);
const SKIPPED_TEST =
  /\b(?:test|describe|it|step)\s*\.\s*(?:only|ignore|skip)\b|\b(?:ignore|only|skip)\s*:/;

/** The text of each file by its path from the root of the project. */
type Files = ReadonlyMap<string, string>;

Deno.test("imports run from a room to itself or to a room below", async () => {
  assert.deepEqual(findUpwardImports(await readFiles("src")), []);
});

Deno.test("no file of src is longer than the limit", async () => {
  assert.deepEqual(findLongFiles(await readFiles("src")), []);
});

Deno.test("only the config room reads the environment", async () => {
  assert.deepEqual(findEnvironmentReaders(await readFiles("src")), []);
});

Deno.test("no test is skipped or run alone", async () => {
  assert.deepEqual(findSkippedTests(await readFiles("tests")), []);
});

Deno.test("the checks notice what breaks the rules", () => {
  const files = new Map([
    ["src/main.ts", `import { runCommand } from "./cli/mod.ts";`],
    ["src/http/app.ts", `import type { Config } from "../config/mod.ts";\nexport * from "./a.ts";`],
    ["src/cli/mod.ts", `import project from "../../package.json" with { type: "json" };`],
    ["src/store/a.ts", `import type { App } from "../http/app.ts";`],
    ["src/store/b.ts", `export type {\n  A,\n} from '../domain/a.ts';`],
    ["src/config/c.ts", `const lazy = await import("../store/a.ts");`],
    ["src/runtime/d.ts", `import "../config/mod.ts";`],
    ["src/engine/e.ts", `import { run } from "../../tests/run.ts";`],
    ["src/attic/f.ts", `export {};`],
  ]);
  assert.deepEqual(findUpwardImports(files), [
    "src/store/a.ts imports ../http/app.ts",
    "src/store/b.ts imports ../domain/a.ts",
    "src/config/c.ts imports ../store/a.ts",
    "src/runtime/d.ts imports ../config/mod.ts",
    "src/engine/e.ts imports ../../tests/run.ts",
    "src/attic/f.ts is in no room",
  ]);

  const long = new Map([["src/a.ts", "x\n".repeat(400)], ["src/b.ts", "x\n".repeat(401)]]);
  assert.deepEqual(findLongFiles(long), ["src/b.ts has 401 lines"]);

  const readers = new Map([
    ["src/config/a.ts", "Deno.env.get('A')"],
    ["src/runtime/b.ts", "delete process.env"],
    ["src/http/c.ts", " * Unlike Deno.env this is a comment"],
    ["src/http/d.ts", "Deno.env.get('A')"],
    ["src/store/e.ts", "const home = process.env.HOME"],
    ["src/store/f.ts", `import { cwd, env } from "node:process"`],
  ]);
  assert.deepEqual(findEnvironmentReaders(readers), [
    "src/http/d.ts reads the environment",
    "src/store/e.ts reads the environment",
    "src/store/f.ts reads the environment",
  ]);

  const tests = new Map([
    ["tests/a_test.ts", "Deno.test('runs', () => {})"],
    ["tests/b_test.ts", ["Deno.test", "only('alone', () => {})"].join(".")],
    ["tests/c_test.ts", ["Deno.test({ name: 'x', ignore", " true, fn() {} })"].join(":")],
  ]);
  assert.deepEqual(findSkippedTests(tests), [
    "tests/b_test.ts skips tests or runs one alone",
    "tests/c_test.ts skips tests or runs one alone",
  ]);
});

function findUpwardImports(files: Files): string[] {
  const isInOrder = (from: number, path: string) =>
    PROJECT_FILES.includes(path) || (path.startsWith("src/") && from <= roomOf(path));
  return [...files].flatMap(([path, text]) => {
    const room = roomOf(path);
    if (room === -1) return [`${path} is in no room`];
    return [...text.matchAll(RELATIVE_IMPORT)].map(([, specifier = ""]) => specifier)
      .filter((specifier) => !isInOrder(room, posix.join(posix.dirname(path), specifier)))
      .map((specifier) => `${path} imports ${specifier}`);
  });
}

function findLongFiles(files: Files): string[] {
  return [...files].map(([path, text]) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_SOURCE_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}

function findEnvironmentReaders(files: Files): string[] {
  return [...files]
    .filter(([path]) => !ENVIRONMENT_ROOMS.includes(ROOMS[roomOf(path)] ?? ""))
    .filter(([, text]) => ENVIRONMENT.test(text.replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, "")))
    .map(([path]) => `${path} reads the environment`);
}

function findSkippedTests(files: Files): string[] {
  return [...files].filter(([, text]) => SKIPPED_TEST.test(text))
    .map(([path]) => `${path} skips tests or runs one alone`);
}

/** The place of a file's room in the order; -1 for a file in none. */
function roomOf(path: string): number {
  return ROOMS.indexOf(path.split("/")[1] ?? "");
}

async function readFiles(folder: string): Promise<Files> {
  const files = new Map<string, string>();
  const root = new URL("../", import.meta.url);
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      for (const [inner, text] of await readFiles(path)) files.set(inner, text);
    } else if (path.endsWith(".ts")) files.set(path, await Deno.readTextFile(new URL(path, root)));
  }
  assert.ok(files.size > 0 || !folder.match(/^(src|tests)$/), `${folder} holds no TypeScript file`);
  return files;
}
