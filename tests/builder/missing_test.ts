/** Modules that packages name and do not have, and imports that no function can make. */
import assert from "node:assert/strict";
import { assertPositions } from "../../src/builder/interop.ts";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type Made, openRegistry } from "./registry.ts";
import { build, openBuilder, openWith, rejection, runArtifact } from "./support.ts";

const uses = (name: string) => ({
  "main.ts": `\nimport x from "npm:${name}";\nexport default () => ({ x });`,
});

const native = (file: string): Made => ({
  files: {
    "index.js": `let found = "none";
      try { found = require("./build/${file}"); } catch { found = "fallback"; }
      exports.found = found;`,
  },
});

Deno.test("a package without its optional native code builds, and runs without that code", async () => {
  await using registry = openRegistry({
    addon: native("addon.node"),
    canvas: native("canvas.node"),
    user: {
      manifest: { dependencies: { canvas: "1.0.0" } },
      files: { "index.js": 'exports.found = require("canvas").found;' },
    },
    eager: { files: { "index.js": 'module.exports = require("./build/eager.node");' } },
    generated: { files: { "index.js": 'exports.f = () => require(".generated/client");' } },
    bare: { files: { "index.js": 'exports.f = () => require("no-such-package/x");' } },
  });
  await using opened = await openWith(registry.url);
  for (const name of ["addon", "user"]) {
    const artifact = await build(opened.builder, uses(name));
    assert.deepEqual((await runArtifact(artifact)).value, { x: { found: "fallback" } });
    assert.equal(artifact.script.includes("builder-cache"), false);
  }
  const { error } = await runArtifact(await build(opened.builder, uses("eager")));
  assert.notEqual(error, undefined, "it is native code, whatever happens");
  assert.deepEqual((await runArtifact(await build(opened.builder, uses("bare")))).value, { x: {} });
  assert.deepEqual(await rejection(opened.builder, uses("canvas")), [
    'main.ts:2:15: Cannot import "npm:canvas": it loads native code, which a function cannot do; use npm:pureimage',
  ]);
});

Deno.test("what the commit, or a static import, names must exist", async () => {
  await using registry = openRegistry({
    asking: { files: { "index.js": 'exports.f = () => require("alias");' } },
    static: {
      manifest: { main: "index.mjs" },
      files: { "index.mjs": 'import x from "alias";\nexport default x;' },
    },
    real: { files: { "index.js": 'module.exports = "real";' } },
  });
  await using opened = await openWith(registry.url);
  const imports = { "deno.json": '{"imports": {"alias": "npm:real"}}' };
  const asking = 'import x from "npm:asking";\n';
  const own = {
    "a package": uses("static"),
    "the commit, statically": {
      ...imports,
      "main.ts": `${asking}import alias from "alias";\nexport default () => ({ x, alias });`,
    },
    "the commit, when it runs": {
      ...imports,
      "main.ts": `${asking}export default async () => ({ x, alias: await import("alias") });`,
    },
  };
  for (const [name, files] of Object.entries(own)) {
    const reasons = await rejection(opened.builder, files);
    assert.match(
      reasons.join(),
      /^npm:\w+@1\.0\.0\S+: Could not (?:resolve "alias"$|find package 'alias')/,
      `${name}: ${reasons}`,
    );
  }
});

Deno.test("a name that a package does not export is rejected as such", async () => {
  await using registry = openRegistry({
    named: { manifest: { main: "index.mjs" }, files: { "index.mjs": "export const a = 1;" } },
  });
  await using opened = await openWith(registry.url);
  const main = 'import { a, b } from "npm:named";\nexport default () => ({ a, b });';
  assert.deepEqual(await rejection(opened.builder, { "main.ts": main }), [
    'main.ts:1:13: No matching export in "npm:named@1.0.0/index.mjs" for import "b"',
  ]);
});

Deno.test("an import at which every invocation would fail is rejected at its line, others are not", async () => {
  await using registry = openRegistry({
    debugged: {
      manifest: { main: "index.mjs" },
      files: { "index.mjs": 'import v8 from "node:v8";\nexport default v8;' },
    },
  });
  await using opened = await openWith(registry.url);
  const SQLITE = 'Cannot import "node:sqlite": it opens files of the machine; use ' +
    "npm:sql.js in memory, or a database server with npm:pg";
  const main = "export default () => ({ Database });";
  const sqlite = 'import { DatabaseSync as Database } from "node:sqlite";';
  assert.deepEqual(
    await rejection(opened.builder, { "main.ts": `${sqlite}\n${main}` }),
    [`main.ts:1:42: ${SQLITE}`],
  );
  assert.deepEqual(
    await rejection(opened.builder, {
      "main.ts": `import { Database } from "./lib/db.ts";\n${main}`,
      "lib/db.ts": `\n${sqlite}\nexport { Database };`,
    }),
    [`lib/db.ts:2:42: ${SQLITE}`],
  );
  assert.deepEqual(await rejection(opened.builder, uses("debugged")), [
    'npm:debugged@1.0.0/index.mjs: Cannot import "node:v8": it reads the memory of the process; structuredClone copies values',
  ]);
  for (
    const works of [
      `${sqlite}\nexport default (database: Database) => ({ database });`,
      'export default async () => ({ sqlite: await import("node:sqlite").catch(() => "none") });',
    ]
  ) await build(opened.builder, { "main.ts": works });
});

Deno.test("a main.ts of CommonJS is rejected at its export; other files may be CommonJS", async () => {
  await using opened = await openBuilder();
  for (const assignment of ["module.exports = () => ({});", "exports.handler = () => ({});"]) {
    assert.deepEqual(
      await rejection(opened.builder, { "main.ts": `const a = 1;\n  ${assignment}` }),
      [
        "main.ts:2:3: CommonJS exports do not work in main.ts, which is an ES module: write " +
        "`export default`, and `import` instead of `require`",
      ],
    );
  }
  const artifact = await build(opened.builder, {
    "main.ts": 'import own from "./own.cjs";\nexport default () => own;',
    "own.cjs": "exports.own = true;",
  });
  assert.deepEqual((await runArtifact(artifact)).value, { own: true });
});

Deno.test("positions are right behind CommonJS that requires a built-in, whatever a text looks like", async () => {
  await using opened = await openBuilder();
  const helper = "\nvar __require = __deno_internal_createRequire(import.meta.url);\n";
  const { script, sourceMap } = await build(opened.builder, {
    "main.ts": `import own from "./own.cjs";\nexport default () => ({ own, text: \`${helper}\` });`,
    "own.cjs": 'const path = require("node:path");\nconst b = 1;\nexports.marker = path.sep + b;',
  });
  const lines = script.split("\n");
  const line = lines.findIndex((text) => text.includes("exports.marker"));
  const column = lines[line]?.indexOf("exports.marker") ?? 0;
  const found = originalPositionFor(new TraceMap(sourceMap), { line: line + 1, column });
  assert.deepEqual([found.source, found.line], ["own.cjs", 3]);
  assert.ok(script.includes(`${helper}\``), "a text of the author is unchanged");
  assert.throws(
    () =>
      assertPositions("a\nb", '{"version":3,"sources":[],"names":[],"mappings":""}', {
        text: "b",
        line: 1,
      }),
    /^Error: The bundler of Deno \S+ is not supported: its source map has line null instead of 1 for: b/,
  );
});
