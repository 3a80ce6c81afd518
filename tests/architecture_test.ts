/** The rules of the house that a machine can check: who imports whom, the environment, words, unused exports, skipped tests. */
import assert from "node:assert/strict";
import { type Files, readFiles, readSources, resolve, specifiersIn } from "./support/repository.ts";
import { bannedWordsInSource } from "./support/words.ts";

const LOWER = ["tenants", "sandbox", "store", "config", "shared"];
/** Each folder of `src`, `sdk`, the console and the example tenant, with the folders that it may import; no feature imports another. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli"],
  cli: ["resources", "compose", "domain", "builder", ...LOWER],
  compose: [
    ...["examples/tenant", "telemetry", "http", "api", "domain", "engine", "cluster", "builder"],
    ...LOWER,
  ],
  cluster: ["engine", "sandbox", "config", "runtime", "shared"],
  http: ["api", "domain", "telemetry", "config", "shared"],
  resources: [],
  api: ["resources", "domain", "engine", ...LOWER],
  domain: [
    "resources",
    "telemetry",
    "engine",
    "tenants",
    "sandbox",
    "builder",
    "store",
    "config",
    "runtime",
    "sdk",
    "shared",
  ],
  tenants: ["sandbox", "config", "shared"],
  telemetry: ["config", "shared"],
  engine: ["sandbox", "config", "shared"],
  sandbox: ["isolation", "config", "runtime", "shared"],
  builder: ["isolation", "config", "shared"],
  isolation: ["shared"],
  store: ["resources", "config", "shared"],
  config: ["shared"],
  runtime: [],
  sdk: [],
  shared: [],
  "examples/tenant": [],
  "console/main.tsx": ["console/router.tsx", "console/shell", "console/parts", "console/theme"],
  "console/router.tsx": ["console/features", "console/shell", "console/parts"],
  "console/features": [
    "shared",
    "resources",
    "console/shell",
    "console/api",
    "console/parts",
    "console/theme",
    "console/browser",
  ],
  "console/shell": ["console/api", "console/parts", "console/theme", "console/browser"],
  "console/parts": ["console/theme", "console/browser"],
  "console/theme": ["console/browser"],
  "console/api": ["resources"],
  "console/browser": [],
};

/** Modules that the command line imports when it runs a server. */
const SERVER_MODULE = /^src\/(?:compose\/|(?:api|engine|sandbox|builder|store)\/mod\.ts$)/;
/** What every run of the command line loads. */
const EVERY_RUN = [
  "package.json",
  "src/cli/commands.ts",
  "src/cli/mod.ts",
  "src/cli/options/connection_help.ts",
  "src/cli/program.ts",
  "src/cli/terminal/command_name.ts",
  "src/cli/terminal/failure.ts",
  "src/cli/terminal/shell.ts",
  "src/config/client_variables.ts",
  "src/config/units.ts",
  "src/main.ts",
  "src/shared/installation.ts",
];

/** What any source may import from outside of these folders. */
const PROJECT_FILES = ["package.json"];
/** The folder that reads the environment, and the one that removes it from functions. */
const ENVIRONMENT_FOLDERS = ["config", "runtime"];

/** Files with replaced words and names as such, and names of C1. */
const WORD_LISTS = [
  "sdk/tenant_types.d.ts",
  "tests/architecture_test.ts",
  "tests/pages_test.ts",
  "tests/support/words.ts",
];
/** Names that the glossary of ARCHITECTURE.md replaced. */
const REPLACED_NAMES =
  /\b(?:\w*Places?|\w*Seats?|Lanes?|ServiceRate|Feed|Trial|Bench|Workbench|NotAdmitted|\w*[Rr]efusals?|\w*Gate|Until|\w*Surroundings|REMED(?:Y|IES)|\w*Remed(?:y|ies)|\w*(?:[Uu]nfit|UNFIT)(?:ness)?)\b/g;

/** Imports and re-exports that load their module at the start. */
const LOADING_IMPORT = /^(?:import|export) (?!type\b)[^"';]*["'](\.[^"']*)["']/gm;
const ENVIRONMENT = new RegExp(
  String.raw`\b(?:Deno|process)\s*(?:\?\.|\.)\s*env\b` +
    String.raw`|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*["'](?:node:)?process["']`,
);
const EXPORT =
  /^export (?:async )?(?:function\*?|const|let|class|abstract class|interface|type|enum) (\w+)/gm;
/** Folders whose exports are also for others: functions, and files that a script writes. */
const PUBLIC = /^(?:sdk|tests\/npm\/functions)\/|schema\.d\.ts$/;
const SKIPPED_TEST =
  /\b(?:test|describe|it|step)\s*\.\s*(?:only|ignore|skip)\b|\b(?:ignore|only|skip)\s*:/;

Deno.test("each folder imports only what the matrix allows", async () => {
  assert.deepEqual(findForbiddenImports(await readSources()), []);
});

Deno.test("neither the folders nor their files import each other in a circle", async () => {
  assert.deepEqual(findCircles(new Map(Object.entries(MAY_IMPORT))), []);
  assert.deepEqual(findCircles(importsOf(await readSources())), []);
});

Deno.test("a command loads its own modules alone, and a server when it runs one", async () => {
  const files = await readSources();
  assert.deepEqual(loadedWith("src/main.ts", files).sort(), EVERY_RUN);
  const early = [...files.keys()].filter((path) => folderOf(path) === "cli")
    .flatMap((path) => loadedWith(path, files))
    .filter((path) => SERVER_MODULE.test(path));
  assert.deepEqual(early, []);
});

Deno.test("a server without metrics and traces loads nothing of OpenTelemetry", async () => {
  const files = await readSources();
  const isOfOne = (path: string) => /^src\/telemetry\/(?:metrics|traces)\//.test(path);
  const users = [...files].filter(([, text]) => text.includes('from "@opentelemetry/'));
  assert.ok(users.length > 0);
  assert.deepEqual(users.filter(([path]) => !isOfOne(path)), []);
  for (const entry of ["src/compose/server.ts", "src/compose/worker.ts"]) {
    const loaded = loadedWith(entry, files).filter(isOfOne);
    assert.deepEqual(loaded, []);
  }
});

Deno.test("only the composition root knows who else may own invocations", async () => {
  const owners = "src/domain/ownership/";
  const imports = [...importsOf(await readSources())].filter(([path]) =>
    !path.startsWith(owners) && folderOf(path) !== "compose"
  );
  const known = imports.flatMap(([, targets]) => targets.filter((path) => path.startsWith(owners)));
  assert.deepEqual([...new Set(known)], [`${owners}contract.ts`]);
});

Deno.test("only the config folder reads the environment", async () => {
  assert.deepEqual(findEnvironmentReaders(await readFiles("src")), []);
});

Deno.test("names, texts and comments use the words of the glossary", async () => {
  const folders = [
    "src",
    "sdk",
    "console/src",
    "examples",
    "templates",
    "deploy",
    "scripts",
    "bench",
    "tests",
  ];
  for (const folder of folders) {
    const files = [...await readFiles(folder)].filter(([path]) => !WORD_LISTS.includes(path));
    assert.deepEqual(findReplacedWords(new Map(files)), []);
  }
});

Deno.test("a count gets its noun from one helper", async () => {
  for (const folder of ["src", "sdk", "console/src"]) {
    assert.deepEqual(findOwnPlurals(await readFiles(folder)), []);
  }
});

Deno.test("another file uses each export", async () => {
  const folders = ["src", "sdk", "console/src", "deploy", "scripts", "bench", "tests"];
  const files = await Promise.all(folders.map(readFiles));
  assert.deepEqual(findUnusedExports(new Map(files.flatMap((found) => [...found]))), []);
});

Deno.test("no test is skipped or run alone", async () => {
  assert.deepEqual(findSkippedTests(await readFiles("tests")), []);
});

Deno.test("the checks find what breaks the rules", () => {
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
    ["sdk/g.ts", `import type { Config } from "../src/config/mod.ts";`],
    ["console/src/features/a/h.tsx", `import { Button } from "../../parts/button.tsx";`],
    ["console/src/features/a/i.tsx", `import { B } from "../b/page.tsx";`],
    ["console/src/parts/j.tsx", `import { api } from "../api/client.ts";`],
  ]);
  assert.deepEqual(findForbiddenImports(files), [
    "src/store/a.ts imports ../http/app.ts",
    "src/store/b.ts imports ../domain/a.ts",
    "src/config/c.ts imports ../store/a.ts",
    "src/runtime/d.ts imports ../config/mod.ts",
    "src/engine/e.ts imports ../../tests/run.ts",
    "src/attic/f.ts is in no folder of the matrix",
    "sdk/g.ts imports ../src/config/mod.ts",
    "console/src/features/a/i.tsx imports ../b/page.tsx",
    "console/src/parts/j.tsx imports ../api/client.ts",
  ]);

  const circle = new Map([
    ["src/a.ts", `import type { B } from "./b.ts";`],
    ["src/b.ts", `import { c } from "./c.ts";`],
    ["src/c.ts", `export * from "./b.ts";\nimport "./d.ts";`],
    ["src/d.ts", ""],
  ]);
  assert.deepEqual(findCircles(importsOf(circle)), ["src/b.ts -> src/c.ts -> src/b.ts"]);

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

  const words = new Map([
    ["src/a.ts", "/** A slot. */\nclass Slot {}"],
    ["src/b.ts", "/** It stands. */\nclass Seat {} // told\nconst hasPlace = `the shelf`;"],
    ["src/c.ts", '"refused" // connect ECONNREFUSED\n`${host} refused: ${why}`'],
  ]);
  assert.deepEqual(findReplacedWords(words), [
    "src/b.ts: told",
    "src/b.ts: stands",
    "src/b.ts: shelf",
    "src/b.ts: Seat",
    "src/b.ts: Place",
    "src/b.ts: Seat",
    "src/b.ts: hasPlace",
  ]);

  const counting = new Map([
    ["src/a.ts", 'countOf(files, "file")'],
    ["src/b.ts", 'count === 1 ? "file" : "files"; tls ? "https" : "http"'],
    ["console/src/c.tsx", 'what + (count === 1 ? "" : "s")'],
  ]);
  assert.deepEqual(findOwnPlurals(counting), [
    'src/b.ts has === 1 ? "file" : "files": use countOf',
    'console/src/c.tsx has === 1 ? "" : "s": use countOf',
  ]);

  const exporting = new Map([
    ["src/a.ts", "export const ONE = 1;\nexport async function two() {}\nexport type Three = 3;"],
    [
      "src/d.ts",
      `import { two } from "./a.ts";\nconst three = lazy(() => import("./a.ts"), "Three");`,
    ],
    ["sdk/e.ts", "export const FOUR = 4;"],
  ]);
  assert.deepEqual(findUnusedExports(exporting), ["src/a.ts exports ONE"]);

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

function findForbiddenImports(files: Files): string[] {
  return [...files].flatMap(([path, text]) => {
    const folder = folderOf(path);
    const allowed = folder === undefined ? undefined : MAY_IMPORT[entryOf(folder)];
    if (folder === undefined || allowed === undefined) {
      return [`${path} is in no folder of the matrix`];
    }
    return specifiersIn(text).filter((specifier) => {
      const target = resolve(path, specifier);
      const to = folderOf(target);
      return !PROJECT_FILES.includes(target) && to !== folder &&
        !allowed.includes(entryOf(to ?? ""));
    }).map((specifier) => `${path} imports ${specifier}`);
  });
}

/** For each file, the files that it imports. */
function importsOf(files: Files): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Array.from(files, ([path, text]) => [
      path,
      specifiersIn(text).map((specifier) => resolve(path, specifier)),
    ]),
  );
}

/** A file and all that its imports load before it runs. */
function loadedWith(path: string, files: Files, loaded = new Set<string>()): string[] {
  if (!loaded.has(path)) {
    loaded.add(path);
    for (const [, specifier = ""] of (files.get(path) ?? "").matchAll(LOADING_IMPORT)) {
      loadedWith(resolve(path, specifier), files, loaded);
    }
  }
  return [...loaded];
}

/** Every circle that a walk along the imports comes upon first. */
function findCircles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (at: string, way: readonly string[]) => {
    const start = way.indexOf(at);
    if (start >= 0) circles.push([...way.slice(start), at].join(" -> "));
    if (start >= 0 || done.has(at)) return;
    for (const next of imports.get(at) ?? []) walk(next, [...way, at]);
    done.add(at);
  };
  for (const path of imports.keys()) walk(path, []);
  return circles;
}

function findEnvironmentReaders(files: Files): string[] {
  return [...files]
    .filter(([path]) => !ENVIRONMENT_FOLDERS.includes(folderOf(path) ?? ""))
    .filter(([, text]) => ENVIRONMENT.test(text.replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, "")))
    .map(([path]) => `${path} reads the environment`);
}

/** Banned words in names, texts and comments, and replaced names of types. */
function findReplacedWords(files: Files): string[] {
  return [...files].flatMap(([path, text]) => {
    const names = [...text.matchAll(REPLACED_NAMES)].map(([name]) => name);
    return [...bannedWordsInSource(text), ...names].map((word) => `${path}: ${word}`);
  });
}

/** Choices between a noun and its plural; `countOf` makes it, once for the server and its command line, once for the console. */
function findOwnPlurals(files: Files): string[] {
  const choice =
    /[!=]== 1\s*\?\s*(?:(["'`])(\w*)\1\s*:\s*(["'`])\2s\3|(["'`])(\w*)s\4\s*:\s*(["'`])\5\6)/g;
  return [...files].flatMap(([path, text]) =>
    [...text.matchAll(choice)].map(([found]) => `${path} has ${found}: use countOf`)
  );
}

/** Exports whose name no other file has. */
function findUnusedExports(files: Files): string[] {
  const filesWith = new Map<string, number>();
  for (const text of files.values()) {
    for (const word of new Set(text.match(/\w+/g))) {
      filesWith.set(word, (filesWith.get(word) ?? 0) + 1);
    }
  }
  return [...files].filter(([path]) => !PUBLIC.test(path)).flatMap(([path, text]) =>
    [...text.matchAll(EXPORT)].map(([, name = ""]) => name)
      .filter((name) => (filesWith.get(name) ?? 0) < 2)
      .map((name) => `${path} exports ${name}`)
  );
}

function findSkippedTests(files: Files): string[] {
  return [...files].filter(([, text]) => SKIPPED_TEST.test(text))
    .map(([path]) => `${path} skips tests or runs one alone`);
}

/** The folder of a file in the matrix; undefined outside of it. Each feature is a folder. */
function folderOf(path: string): string | undefined {
  const [top, folder, inner, feature] = path.split("/");
  if (top === "console") {
    return inner === "features" ? `console/features/${feature}` : `console/${inner}`;
  }
  if (top === "sdk") return "sdk";
  if (top === "examples") return `examples/${folder}`;
  return top === "src" ? folder : undefined;
}

/** The entry of the matrix for a folder. */
function entryOf(folder: string): string {
  return folder.startsWith("console/features/") ? "console/features" : folder;
}
