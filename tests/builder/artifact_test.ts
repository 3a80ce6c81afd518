import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import assert from "node:assert/strict";
import { EMPTY_LOCK } from "../../src/builder/lock.ts";
import { build, openBuilder, runArtifact } from "./support.ts";

Deno.test("the files of a commit become one script that runs without permissions", async () => {
  await using opened = await openBuilder();
  const artifact = await build(opened.builder, {
    "main.ts": `
      import data from "./data.json" with { type: "json" };
      import text from "./notes.txt" with { type: "text" };
      import { double } from "./lib/double.ts";
      import legacy from "./lib/legacy.cjs";
      import { Element } from "./view.tsx";
      import { join } from "node:path";
      const settled: number = await Promise.resolve(20);
      const wrong: string = 1;
      export const extra = 1;
      export default async (input: { name: string }) => {
        const { createHash } = await import("node:crypto");
        const part = await import(\`./parts/\${input.name}.ts\`);
        const hash = createHash("sha1").update("x").digest("hex").slice(0, 4);
        return { data, text, double: double(settled), legacy, view: Element(), path: join("a", "b"), hash,
          part: part.default, meta: import.meta.url, main: import.meta.main };
      };`,
    "lib/double.ts": "export function double(value: number): number { return 2 * value; }",
    "lib/legacy.cjs": 'const { sep } = require("path"); module.exports = { sep, dir: __dirname };',
    "view.tsx":
      "const h = (tag: string) => tag;\nconst React = { createElement: h };\nexport const Element = () => <a/>;",
    "parts/x.ts": 'export default "part x";',
    "data.json": '{"a": 1}',
    "notes.txt": "hello",
    "main.test.ts": 'import "jsr:@std/not-part-of-the-build";',
    "tsconfig.json": "{ broken",
    "node_modules/x/package.json": "{ broken",
  });
  const ran = await runArtifact(artifact);
  assert.deepEqual(ran, {
    keys: ["default", "extra"],
    value: {
      data: { a: 1 },
      text: "hello",
      double: 40,
      legacy: { sep: "/", dir: "/" },
      view: "a",
      path: "a/b",
      hash: "11f6",
      part: "part x",
      meta: "file:///main.js",
      main: false,
    },
  });
  assert.equal(artifact.lock, EMPTY_LOCK);
  assert.equal(artifact.denoVersion, Deno.version.deno);
});

const PACKAGES = `
  import { chunk } from "npm:lodash@4";
  import compact from "npm:lodash@4/compact.js";
  import ms from "npm:ms@2.1.3";
  import { z } from "npm:zod@4";
  import { v4 } from "npm:uuid@11";
  import mime from "npm:mime-types@3";
  export default () => ({
    chunk: chunk([1, 2, 3], 2), compact: compact([0, 1]), ms: ms("2d"), zod: z.number().safeParse("x").success,
    uuid: v4().length, mime: mime.lookup("a.json"),
  });`;

Deno.test("packages are bundled, CommonJS and ES modules alike, and pinned", async () => {
  await using opened = await openBuilder();
  const artifact = await build(opened.builder, { "main.ts": PACKAGES });
  const { value } = await runArtifact(artifact);
  assert.deepEqual(value, {
    chunk: [[1, 2], [3]],
    compact: [1],
    ms: 172800000,
    zod: false,
    uuid: 36,
    mime: "application/json",
  });
  const lock: { specifiers: Record<string, string> } = JSON.parse(artifact.lock);
  assert.equal(lock.specifiers["npm:ms@2.1.3"], "2.1.3");
  const { sources } = JSON.parse(artifact.sourceMap) as { sources: string[] };
  for (const source of sources) {
    assert.match(source, /^(?:main\.ts|npm:(?:@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+\/.+)$/);
  }
});

Deno.test("nothing in an artifact names the server, and equal files give equal bytes", async () => {
  await using one = await openBuilder();
  await using two = await openBuilder();
  const [first, second] = await Promise.all([
    build(one.builder, { "main.ts": PACKAGES }),
    build(two.builder, { "main.ts": PACKAGES }),
  ]);
  assert.deepEqual(first, second);
  const everything = first.script + first.sourceMap + first.lock;
  for (
    const trace of [
      one.root,
      "builder-cache",
      "registry.npmjs.org/",
      "/deno/npm/",
      Deno.cwd(),
      "sourcesContent",
    ]
  ) {
    assert.equal(everything.includes(trace), false, trace);
  }
  assert.match(first.script, /^\/\/ npm:lodash@4\.\d+\.\d+\/lodash\.js$/m);
});

Deno.test("a throw is mapped to the author's line", async () => {
  await using opened = await openBuilder();
  const artifact = await build(opened.builder, {
    "main.ts":
      'import { fail } from "./lib/fail.ts";\nimport { sep } from "node:path";\ninterface A {\n  a: 1;\n}\nexport default (_: A) => fail(sep);\n',
    "lib/fail.ts":
      "type T = string;\n\nexport function fail(text: T): never {\n  throw new Error(text);\n}\n",
  });
  const { stack = "" } = await runArtifact(artifact);
  const map = new TraceMap(artifact.sourceMap);
  const frames = [...stack.matchAll(/invoked:bundle\.js.*?:(\d+):(\d+)\)/g)].map(
    ([, line, column]) => {
      const found = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
      return `${found.source}:${found.line}`;
    },
  );
  assert.deepEqual(frames.slice(0, 2), ["lib/fail.ts:4", "main.ts:6"]);
});
