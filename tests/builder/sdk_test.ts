/** `@c1/functions-sdk` is the server's own module, under that name and no other. */
import assert from "node:assert/strict";
import { build, filesOf, openBuilder, rejection, runArtifact } from "./support.ts";

const MAIN = `import { functions } from "@c1/functions-sdk";
import type { JSONObject } from "@c1/functions-sdk";
export default (_: JSONObject): JSONObject => ({ ...functions.getConfig().secrets });
`;

Deno.test("the SDK is bundled, from any file of a commit, and reveals nothing of the server", async () => {
  await using opened = await openBuilder();
  const files = {
    "main.ts":
      `import { secrets } from "./lib/secrets.ts";\nimport ms from "npm:ms@2.1.3";\n${MAIN}` +
      "export const day = [secrets, ms];",
    "lib/secrets.ts": `import { functions } from "@c1/functions-sdk";
      export const secrets = () => functions.getConfig().secrets;`,
    // Names that the build uses for itself, outside the commit.
    "imports.json": '{"imports":{"@c1/functions-sdk":"./evil.ts"}}',
    "sdk/functions_sdk.ts": "export const functions = { getConfig: () => 'evil' };",
  };
  const first = await build(opened.builder, files);
  assert.deepEqual((await build(opened.builder, files)).script, first.script);
  assert.ok(!first.script.includes("evil"));
  assert.ok(!`${first.script}${first.sourceMap}${first.lock}`.includes(opened.root));
  assert.ok(JSON.parse(first.sourceMap).sources.includes("@c1/functions-sdk"));
  assert.ok(!first.lock.includes("functions-sdk"));
  const { error } = await runArtifact(first);
  assert.match(
    error ?? "",
    /functions\.getConfig\(\) works only in a function that invoked runs/,
  );
});

Deno.test("a build for tests runs main.test.ts, and reveals nothing of the server", async () => {
  await using opened = await openBuilder();
  const tests = `import { test } from "@c1/test";
import main from "./main.ts";
test("main", ({ equal }) => equal(typeof main, "function"));`;
  const files = filesOf({
    "main.ts": "export default () => ({});\n",
    "main.test.ts": tests,
    "sdk/test.ts": "export const test = 'evil';",
  });
  const { signal } = new AbortController();
  const result = await opened.builder.build(files, signal, "tests");
  assert.ok(result.kind === "built");
  const { script, sourceMap, lock } = result.artifact;
  assert.ok(!script.includes("evil"));
  assert.ok(!`${script}${sourceMap}${lock}`.includes(opened.root));
  const { sources } = JSON.parse(sourceMap);
  assert.deepEqual(sources.filter((name: string) => !name.startsWith("@c1/")), [
    "main.ts",
    "main.test.ts",
  ]);
  const { error } = await runArtifact(result.artifact);
  assert.match(error ?? "", /test\.plan works only in a function that invoked runs/);
  const without = await opened.builder.build(filesOf({ "main.ts": "" }), signal, "tests");
  assert.deepEqual(without, {
    kind: "rejected",
    diagnostics: [{ message: "the commit has no main.test.ts" }],
  });
});

Deno.test("types alone cost nothing", async () => {
  await using opened = await openBuilder();
  const main = `import type { JSONObject } from "@c1/functions-sdk";
export default (input: JSONObject): JSONObject => input;`;
  const artifact = await build(opened.builder, { "main.ts": main });
  assert.ok(!artifact.script.includes("getConfig"));
  assert.deepEqual((await runArtifact(artifact)).value, { name: "x" });
});

Deno.test("neither its file nor its neighbours can be imported", async () => {
  await using opened = await openBuilder();
  const specifiers = [
    "../sdk/functions_sdk.ts",
    "../sdk/test_run.ts",
    "@c1/test/test_registry.ts",
    "../imports.json",
    "@c1/functions-sdk/functions_sdk.ts",
    "@c1/other",
    "toString",
    "__proto__",
  ];
  for (const specifier of specifiers) {
    const [reason = "", ...others] = await rejection(opened.builder, {
      "main.ts": `import * as x from "${specifier}";\nexport default () => x;`,
    });
    assert.match(reason, /^main\.ts:1:20: Cannot import "/, specifier);
    assert.deepEqual(others, [], specifier);
    assert.ok(!reason.includes(opened.root), reason);
  }
});
