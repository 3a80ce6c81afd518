/** What deno.json and package.json say of imports. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { foreignReason } from "../../src/builder/project/foreign.ts";
import { ProjectFiles } from "../../src/builder/project/project_files.ts";
import { SourceTree } from "../../src/builder/source_tree.ts";
import { build, filesOf, openBuilder, rejection, runArtifact, typeErrors } from "./support.ts";

const OK = "export default () => ({});\n";

const PROJECT = {
  "main.ts": `import { z } from "zod";
    import * as core from "zod/v4/core";
    import { Hono } from "hono";
    import { cors } from "hono/cors";
    import ms from "ms";
    import again from "@old/ms";
    import path from "path";
    import { x } from "@/x.ts";
    import { y } from "#lib/y";
    import { w } from "#all/w.ts";
    import short from "#short";
    import { logger } from "#logger";
    import { nested } from "./nested/mod.ts";
    import { functions } from "@c1/functions-sdk";
    const parsed: string = z.string().parse("a");
    export default () => ({
      parsed, types: [typeof core.$ZodType, typeof Hono, typeof cors, typeof functions.getConfig, typeof logger],
      ms: [ms("1s"), again("1s"), short("1s")], path: path.sep, x, y, w, nested,
    });`,
  "src/x.ts": "export const x = 1;",
  "lib/y.ts": "export const y = 2;",
  "all/w.ts": "export const w = 3;",
  "nested/mod.ts":
    'import { x } from "@/x.ts";\nimport ms from "ms";\nexport const nested = [x, ms];',
  "nested/ms.ts": 'export default "own ms";',
  "nested/deno.json": '{"imports": {"ms": "./ms.ts"}}',
  "deno.jsonc": `{
    // What a project has besides.
    "tasks": { "x": "echo" }, "nodeModulesDir": "auto", "workspace": ["./nested"], "lock": false,
    "imports": {
      "zod": "npm:zod@^4",
      "hono": "npm:hono@4",
      "path": "node:path",
      "@/": "./src/",
      "@c1/functions-sdk": "./.invoked/types/functions_sdk.ts",
      "@c1/": "./src/",
      "unused": "jsr:@std/assert@1",
    },
  }`,
  "package.json": JSON.stringify({
    dependencies: {
      ms: "=2.1.2",
      "@old/ms": "npm:ms@2.1.1",
      web: "npm:hono@4",
      "@acme/shared": "workspace:*",
    },
    devDependencies: { zod: "^3", ms: "^1", semver: ">=7 <8" },
    imports: {
      "#lib/*": "./lib/*.ts",
      "#all/*": { browser: "./no/*", deno: { types: "./no/*", default: "./all/*" } },
      "#short": "ms",
      "#logger": "web/logger",
    },
  }),
};

Deno.test("names, subpaths and aliases of deno.json and package.json resolve in build and check", async () => {
  await using opened = await openBuilder();
  const artifact = await build(opened.builder, PROJECT);
  assert.deepEqual((await runArtifact(artifact)).value, {
    parsed: "a",
    types: ["function", "function", "function", "function", "function"],
    ms: [1000, 1000, 1000],
    path: "/",
    x: 1,
    y: 2,
    w: 3,
    nested: [1, "own ms"],
  });
  const { specifiers } = JSON.parse(artifact.lock);
  // Not those that nothing imports.
  assert.deepEqual(Object.keys(specifiers), [
    "npm:hono@4",
    "npm:ms@2.1.1",
    "npm:ms@2.1.2",
    "npm:zod@4",
  ]);
  assert.deepEqual(await typeErrors(opened.builder, PROJECT), []);
  const wrong = {
    ...PROJECT,
    "main.ts": PROJECT["main.ts"].replace("parsed: string", "parsed: number"),
  };
  const [found] = await typeErrors(opened.builder, wrong);
  assert.deepEqual([found?.path, found?.line], ["main.ts", 15]);
});

Deno.test("a lock decides the version of a name, and the build keeps it", async () => {
  await using opened = await openBuilder();
  const files = {
    "main.ts": 'import ms from "ms";\nexport default () => ({ ms: ms("1s") });',
    "deno.json": '{"imports": {"ms": "npm:ms@2"}}',
  };
  const free = await build(opened.builder, files);
  const lock = free.lock.replaceAll("2.1.3", "2.1.1").replace(/"sha512-[^"]+"/, '""');
  const old = await build(opened.builder, { "main.ts": 'import "npm:ms@2.1.1";\n' + OK });
  const integrity = /"sha512-[^"]+"/.exec(old.lock)?.[0] ?? "";
  const pinned = await build(opened.builder, {
    ...files,
    "deno.lock": lock.replace('""', integrity),
  });
  assert.match(pinned.sourceMap, /npm:ms@2\.1\.1\/index\.js/);
});

Deno.test("what a name cannot map to is rejected where it is imported, with its file and line", async () => {
  await using opened = await openBuilder();
  const own = "only npm: packages, node: modules and the commit's own files can be imported";
  const registry =
    "only packages of the registry are installed; map the name to a path of its files in the " +
    "imports of deno.json";
  const denied: readonly (readonly [
    file: "deno.json" | "package.json",
    written: string | null,
    reason: string,
  ])[] = [
    ["deno.json", "jsr:@std/path@1", foreignReason("jsr:@std/path@1") ?? ""],
    ["deno.json", "https://esm.sh/zod@4/v4", foreignReason("https://esm.sh/zod@4/v4") ?? ""],
    [
      "deno.json",
      "../../x.ts",
      "it is outside of the commit; invoked.json can name a root above it",
    ],
    ["deno.json", "/etc/passwd", own],
    ["deno.json", "data:text/javascript,1", own],
    ["deno.json", "node:nonesuch", own],
    ["deno.json", null, "it is not a text"],
    ["package.json", "workspace:*", registry],
    ["package.json", "file:../x", registry],
    ["package.json", "link:../x", registry],
    ["package.json", "git+ssh://git@127.0.0.1/x.git", registry],
    ["package.json", "acme/x#main", registry],
    ["package.json", "catalog:", registry],
    [
      "package.json",
      "https://127.0.0.1:9/x.tgz",
      foreignReason("https://127.0.0.1:9/x.tgz") ?? "",
    ],
    [
      "package.json",
      ">=1 <3",
      "a range of several versions is not supported; write one such as ^1.2.0",
    ],
  ];
  const names = denied.map((_, index) => `name${index}`);
  const config = (file: string) => {
    const entries = denied.flatMap(([of, written], index) =>
      of === file ? [[names[index], written]] : []
    );
    const field = file === "deno.json" ? "imports" : "dependencies";
    return JSON.stringify({ [field]: Object.fromEntries(entries) }, null, 1);
  };
  const reasons = await rejection(opened.builder, {
    "main.ts": `${names.map((name) => `import "${name}";`).join("\n")}\nimport "name0/sub";\n${OK}`,
    "deno.json": config("deno.json"),
    "package.json": config("package.json"),
  });
  const firstOf = { "deno.json": 0, "package.json": 7 };
  const expected = denied.map(([file, written, reason], index) =>
    `main.ts:${index + 1}:8: Cannot import "name${index}": ${file}:${
      index - firstOf[file] + 3
    } maps it to ` +
    `${JSON.stringify(written ?? "null")}: ${reason}`
  );
  const last = expected[0]?.replace("main.ts:1:", "main.ts:16:").replace('"name0"', '"name0/sub"');
  assert.deepEqual(reasons, [...expected, last]);
});

Deno.test("hints name what deno.json and package.json have", async () => {
  await using opened = await openBuilder();
  const reasons = await rejection(opened.builder, {
    "main.ts": [
      'import "hono/cors";',
      'import "@/a.ts";',
      'import "zodd/v4";',
      'import "jsr:@zod/zod";',
      'import "https://esm.sh/zod@4/v4";',
      'import "ms";',
      'import "lodash";',
      'import "./sub/mod.ts";',
      OK,
    ].join("\n"),
    "package.json": '{\n"dependencies": {\n"zod": "^4",\n"ms": "77"}}',
    "sub/deno.json": '{\n"imports": {\n"hono": "npm:hono@4",\n"@/": "./"}}',
    "sub/mod.ts": 'import "lodash";',
  });
  const above = "name it in a deno.json or package.json above this module";
  const hints = [
    `sub/deno.json:3 names it for the modules of its own folder alone; import "npm:hono@4/cors", or ${above}`,
    `sub/deno.json:4 names it for the modules of its own folder alone; ${above}`,
    'a package is imported as "npm:zodd/v4", or added to the dependencies of package.json; ' +
    'did you mean "zod/v4", which package.json:3 names?',
    `${foreignReason("jsr:@zod/zod")}, or "zod", which package.json:3 names`,
    `${foreignReason("https://esm.sh/zod@4/v4")}, or "zod/v4", which package.json:3 names`,
    "Could not find npm package 'ms' matching '77'; package.json:4 names npm:ms@77",
    'a package is imported as "npm:lodash", or added to the dependencies of package.json',
  ];
  const inFolder = 'a package is imported as "npm:lodash", or named in the imports of deno.json';
  assert.deepEqual(reasons.map((reason) => reason.replace(/Cannot import "[^"]+": /, "")), [
    ...hints.map((hint, index) => `main.ts:${index + 1}:8: ${hint}`),
    `sub/mod.ts:1:8: ${inFolder}`,
  ]);
});

Deno.test("a type check reports the imports of the function and of its tests", async () => {
  await using opened = await openBuilder();
  const found = await typeErrors(opened.builder, {
    "main.ts": `import "./none.ts";\n${OK}`,
    "main.test.ts": `import "npm:ms@99";\nimport "./main.ts";\nexport default () => {};`,
  });
  assert.deepEqual(found.map(({ path, line }) => [path, line]), [
    ["main.ts", 1],
    ["main.test.ts", 1],
  ]);
});

Deno.test("what would change other imports is rejected with its file and line", async () => {
  await using opened = await openBuilder();
  const cases = {
    '{\n"imports": {\n"/": "./"}}':
      'deno.json:3: Invalid import "/": only a name or an alias such as @/ can be mapped, not a path or a URL',
    '{\n"imports": {"npm:zod": "npm:ms"}}': /^deno\.json:2: Invalid import "npm:zod": /,
    '{"imports": {"../sdk/": "./"}}': /^deno\.json:1: Invalid import "\.\.\/sdk\/": /,
    '{\n\n"scopes": {"./": {"ms": "npm:zod"}}}':
      "deno.json:3: scopes is not supported; write a deno.json into the folder that it is for",
    '{"importMap": "./x.json"}': /^deno\.json:1: importMap is not supported; /,
    '{"links": ["../x"]}': /^deno\.json:1: links is not supported; /,
    '{"compilerOptions": {"paths": {"a": ["b"]}}}': /^deno\.json:1: paths is not supported; /,
    "{\n": "deno.json:2: Invalid file: it is not JSON",
    "[]": "deno.json:1: Invalid file: it is not a JSON object",
    ["[".repeat(100_000)]: "deno.json: Invalid file: it is nested too deeply",
    [`{"x": "${"x".repeat(300_000)}"}`]: "deno.json: Invalid file: it is larger than 256 KiB",
  };
  for (const [config, expected] of Object.entries(cases)) {
    const [reason = "", ...others] = await rejection(opened.builder, {
      "main.ts": OK,
      "deno.json": config,
    });
    if (typeof expected === "string") assert.equal(reason, expected);
    else assert.match(reason, expected);
    assert.deepEqual(others, []);
  }
  // It counts for no module of the function.
  await build(opened.builder, { "main.ts": OK, "examples/deno.json": '{"scopes": {"./": {}}, ' });
});

Deno.test("names and folders with signs of URLs are names and folders", async () => {
  await using opened = await openBuilder();
  const folder = "a?b#c%2e [d]";
  const url = "a%3Fb%23c%252e%20[d]";
  const artifact = await build(opened.builder, {
    "main.ts":
      `import { x } from "./${url}/n.ts";\nimport { y } from "@/y%.ts";\nexport default () => ({ x, y });`,
    [`${folder}/n.ts`]: 'export { x } from "x";',
    [`${folder}/x#.ts`]: "export const x = 1;",
    [`${folder}/y%.ts`]: "export const y = 2;",
    [`${folder}/deno.json`]:
      '{"imports": {"x": "./x#.ts", "\\ud800": "npm:ms", "y": "./\\ud800.ts"}}',
    "deno.json": `{"imports": {"@/": "./${folder}/", "__proto__": "npm:ms"}}`,
  });
  assert.deepEqual((await runArtifact(artifact)).value, { x: 1, y: 2 });
});

Deno.test("a pattern without a matching file says so", async () => {
  await using opened = await openBuilder();
  const reasons = await rejection(opened.builder, {
    "main.ts": `import "#lib/gone";\nimport "x";\n${OK}`,
    "package.json": '{"imports": {"#lib/*": "./lib/*.ts"}, "dependencies": {"x": {}, "../y": "1"}}',
  });
  assert.deepEqual(reasons, [
    'main.ts:1:8: Cannot import "#lib/gone": package.json:1 maps it to "./lib/*.ts": the commit has no file that matches',
    'main.ts:2:8: Cannot import "x": package.json:1 maps it to "an object": it is not a text',
  ]);
});

Deno.test("any JSON in the files of a project gives a map of names alone", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "npm:x@1",
      "node:fs",
      "./x",
      "../../x",
      "jsr:@x/y",
      "https://x",
      "#x/*",
      "x/",
      "..",
      "workspace:*",
    ),
  );
  const field = fc.oneof(fc.dictionary(text, fc.oneof(text, fc.jsonValue())), fc.jsonValue());
  const file = fc.record(
    { imports: field, dependencies: field, compilerOptions: field, scopes: field },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(file, file, (deno, node) => {
      const files = filesOf({
        "main.ts": OK,
        "a/deno.json": JSON.stringify(deno),
        "a/package.json": JSON.stringify(node),
      });
      const project = new ProjectFiles(new SourceTree(files, ""));
      const { scopes } = JSON.parse(project.importMap("./src/", {}));
      for (const [key, target] of Object.entries(scopes["./src/a/"] ?? {})) {
        assert.equal(/^\.{0,2}(?:\/|$)/.test(key) || URL.canParse(key), false, key);
        assert.match(String(target), /^(?:npm:|node:|\.\/src\/|unsupported:\/\d+)/);
        assert.doesNotMatch(String(target), /(?:^|\/)\.\.(?:\/|$)/);
      }
      project.errorsFor(["a/x.ts"]);
      project.compilerOptions();
    }),
    { numRuns: 300 },
  );
});

Deno.test("options of deno.json count in build and check, and reach no file", async () => {
  await using opened = await openBuilder();
  const options = (more: Readonly<Record<string, unknown>>) =>
    JSON.stringify({
      imports: { hono: "npm:hono@4" },
      compilerOptions: { jsx: "react-jsx", jsxImportSource: "hono/jsx", ...more },
    });
  const files = {
    "main.ts": `import { view } from "./view.tsx";
      import { Note } from "./note.ts";
      import "@c1/functions-sdk";
      const unused = 1;
      export default () => ({ view: String(view()), kept: new Note().kept });`,
    "view.tsx": "export const view = () => <b>x</b>;",
    "note.ts": `function keep(target: { kept: string }, key: string) {
        target.kept = key;
      }
      export class Note {
        @keep text = "";
        declare kept: string;
      }`,
    "deno.json": options({ experimentalDecorators: true, types: ["../../etc/passwd"] }),
  };
  const artifact = await build(opened.builder, files);
  assert.deepEqual((await runArtifact(artifact)).value, { view: "<b>x</b>", kept: "text" });
  assert.deepEqual(await typeErrors(opened.builder, files), []);
  // Errors of the server's own modules under these options are not the author's.
  const strict = { experimentalDecorators: true, noUnusedLocals: true, noUnusedParameters: true };
  const found = await typeErrors(opened.builder, { ...files, "deno.json": options(strict) });
  assert.deepEqual(found.map(({ path, line }) => `${path}:${line}`), ["main.ts:4"]);
  const sources = {
    "/etc": "deno.json:1: jsxImportSource must name a package, not a path",
    "file:///etc": "deno.json:1: jsxImportSource must name a package, not a path",
    "https://esm.sh/hono/jsx":
      /^view\.tsx:1:1: Cannot import "https:.*; use npm:hono\/jsx\/jsx-runtime, or "hono\/jsx\/jsx-runtime", which deno\.json:1 names$/,
    "jsr:@hono/hono/jsx":
      /^view\.tsx:1:1: Cannot import "jsr:.*; use npm:hono, or "hono", which deno\.json:1 names$/,
  };
  for (const [source, expected] of Object.entries(sources)) {
    const config = options({ jsxImportSource: source });
    const [reason = ""] = await rejection(opened.builder, { ...files, "deno.json": config });
    if (typeof expected === "string") assert.equal(reason, expected);
    else assert.match(reason, expected);
  }
});

Deno.test("imports of jsr and by URL name what to use", () => {
  const cases = {
    "jsr:@std/path@^1/posix": /; use node:path$/,
    "jsr:/@hono/hono": /; use npm:hono$/,
    "jsr:@acme/tools": /; use a package of npm, or put a copy .* has it as npm:@jsr\/acme__tools$/,
    "https://esm.sh/v135/@scope/x@1.2/sub": /; use npm:@scope\/x@1\.2\/sub$/,
    "https://cdn.jsdelivr.net/npm/zod@4": /; use npm:zod@4$/,
    "https://deno.land/std@0.224.0/yaml/mod.ts": /; use npm:yaml$/,
    "https://esm.sh/gh/acme/tools":
      /; use a package of npm, or put a copy of the files into the commit$/,
    "https://example.com/x.ts":
      /; use a package of npm, or put a copy of the files into the commit$/,
  };
  for (const [specifier, expected] of Object.entries(cases)) {
    assert.match(foreignReason(specifier) ?? "", expected);
  }
  assert.equal(foreignReason("npm:zod"), undefined);
});
