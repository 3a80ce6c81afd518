/** Commits with files of folders above that of the function. */
import assert from "node:assert/strict";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type Artifact, formatDiagnostic } from "../../src/builder/mod.ts";
import { build, filesOf, openBuilder, rejection, runArtifact, typeErrors } from "./support.ts";

const ROOTED = {
  "main.ts": `import { shared } from "../shared/mod.ts";
import { label } from "@acme/label";
export default (input: { fail?: boolean }) => ({ shared: shared(input.fail ?? false), label });`,
  "main.test.ts": `import { test } from "@c1/test";
import { label } from "@acme/label";
export default () => test("label", ({ equal }) => void equal(label, "label"));`,
  "own.ts": 'export const own = "own";',
  "_root/invoked.json": '{"folder": "functions/greet"}',
  "_root/functions/shared/mod.ts": `import ms from "ms";
import { own } from "../greet/own.ts";
interface A {
  a: 1;
}
export function shared(fail: boolean) {
  if (fail) throw new Error("shared");
  return [ms("1s"), own];
}`,
  "_root/functions/shared/package.json": '{"dependencies": {"ms": "2.1.2"}}',
  "_root/packages/label.ts": 'export const label = "label";',
  "_root/deno.json": '{"imports": {"@acme/label": "./packages/label.ts", "ms": "npm:ms@1"}}',
};

const LABEL = "_root/packages/label.ts";

Deno.test("files above the function's folder are found as in the author's tree", async () => {
  await using opened = await openBuilder();
  const artifact = await build(opened.builder, ROOTED);
  assert.deepEqual((await runArtifact(artifact)).value, { shared: [1000, "own"], label: "label" });
  const { sources } = JSON.parse(artifact.sourceMap);
  assert.deepEqual(
    sources.toSorted(),
    ["../../packages/label.ts", "../shared/mod.ts", "main.ts", "npm:ms@2.1.2/index.js", "own.ts"],
  );
  const tests = await opened.builder.build(filesOf(ROOTED), new AbortController().signal, "tests");
  assert.equal(tests.kind, "built");
  const throws = { ...ROOTED, "main.ts": ROOTED["main.ts"].replace("input.fail ?? false", "true") };
  assert.deepEqual(await frames(await build(opened.builder, throws)), [
    "../shared/mod.ts:7",
    "main.ts:3",
  ]);
});

Deno.test("the nearest lock counts", async () => {
  await using opened = await openBuilder();
  const { lock } = await build(opened.builder, ROOTED);
  const other = {
    ...ROOTED,
    "_root/functions/shared/package.json": '{"dependencies": {"ms": "2"}}',
  };
  const pinned = lock.replace("npm:ms@2.1.2", "npm:ms@2");
  const locks = { "_root/functions/deno.lock": pinned, "_root/deno.lock": "broken" };
  assert.match((await build(opened.builder, { ...other, ...locks })).sourceMap, /npm:ms@2\.1\.2\//);
  assert.match((await build(opened.builder, other)).sourceMap, /npm:ms@2\.1\.3\//);
  const [reason = ""] = await rejection(opened.builder, { ...other, "_root/deno.lock": "broken" });
  assert.match(reason, /^\.\.\/\.\.\/deno\.lock: Invalid lock file: /);
});

Deno.test("errors name files as the author writes them in the function's folder", async () => {
  await using opened = await openBuilder();
  const reasons = await rejection(opened.builder, {
    ...ROOTED,
    [LABEL]:
      `import "../../x.ts";\nimport "./gone.ts";\nimport "../functions/greet/no";\nexport const label = 1;`,
  });
  assert.deepEqual(reasons, [
    '../../packages/label.ts:1:8: Cannot import "../../x.ts": only npm: packages, node: modules and the ' +
    "commit's own files can be imported; it is above the root, and invoked.json can name a root further up",
    '../../packages/label.ts:2:8: Cannot import "./gone.ts": the commit has no file ../../packages/gone.ts',
    '../../packages/label.ts:3:8: Cannot import "../functions/greet/no": the commit has no file no',
  ]);
  const missing =
    'import { no } from "../functions/shared/mod.ts";\nexport const label: number = "" + no;';
  assert.deepEqual(await rejection(opened.builder, { ...ROOTED, [LABEL]: missing }), [
    '../../packages/label.ts:1:10: No matching export in "../shared/mod.ts" for import "no"',
  ]);
  const types = await typeErrors(opened.builder, { ...ROOTED, [LABEL]: missing });
  assert.deepEqual(types.map(formatDiagnostic), [
    `../../packages/label.ts:1:10: TS2305: Module '"../shared/mod.ts"' has no exported member 'no'.`,
    "../../packages/label.ts:2:14: TS2322: Type 'string' is not assignable to type 'number'.",
  ]);
  assert.deepEqual(
    await rejection(opened.builder, { ...ROOTED, "_root/deno.json": '{\n"scopes": {"a": {}}}' }),
    ["../../deno.json:2: scopes is not supported; write a deno.json into the folder that it is for"],
  );
});

Deno.test("a hostile root is rejected", async () => {
  await using opened = await openBuilder();
  const folders = [
    "../x",
    "/etc",
    "a/../../b",
    "",
    "a\\b",
    "node_modules/x",
    ".git",
    "functions/shared/mod.ts",
    1,
  ];
  for (const folder of folders) {
    const reasons = await rejection(opened.builder, {
      ...ROOTED,
      "_root/invoked.json": JSON.stringify({ folder }),
    });
    assert.match(reasons.join("\n"), /^_root\/invoked\.json: Invalid root: /, `${folder}`);
  }
  const twice = await rejection(opened.builder, { ...ROOTED, "_root/functions/greet/own.ts": "" });
  assert.deepEqual(twice, [
    '_root/invoked.json: Invalid root: "functions/greet/own.ts": it is named twice',
  ]);
  // Without the file it is a folder like any other.
  const { "_root/invoked.json": _, ...plain } = ROOTED;
  await build(opened.builder, {
    ...plain,
    "main.ts": 'import "./_root/packages/label.ts";\nexport default () => ({});',
  });
});

/** The first frames of the error of an artifact in the author's files. */
async function frames(artifact: Artifact): Promise<string[]> {
  const { stack = "" } = await runArtifact(artifact);
  const map = new TraceMap(artifact.sourceMap);
  return [...stack.matchAll(/invoked:bundle\.js.*?:(\d+):(\d+)\)/g)].slice(0, 2).map(
    ([, line, column]) => {
      const found = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
      return `${found.source}:${found.line}`;
    },
  );
}
