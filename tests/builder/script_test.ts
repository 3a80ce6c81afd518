import assert from "node:assert/strict";
import { toScript } from "../../src/builder/script.ts";

async function evaluate(bundle: string): Promise<Record<string, unknown>> {
  const script = await toScript(bundle, "test:bundle.js");
  if (script.kind !== "script") assert.fail(JSON.stringify(script));
  const end = script.text.lastIndexOf("\n//# sourceURL=test:bundle.js");
  assert.notEqual(end, -1);
  const made: unknown = (0, eval)(`(${script.text.slice(0, end)})`);
  assert.ok(typeof made === "function");
  return await made({ url: "file:///main.js", main: false, filename: "/main.js", dirname: "/" });
}

Deno.test("every form of import of a node: module is bound before the bundle's first line", async () => {
  const found = await evaluate(`
    const early = typeof join;
    import "node:os";
    import fs, { readFileSync as read, "writeFileSync" as write } from "node:fs";
    import url, * as urls from "node:url";
    import {
      join, // } from "nowhere"
      sep as separator,
    } from "node:path";
    export {
      early, fs, read, write, url, urls, separator, join
    };`);
  assert.equal(found.early, "function");
  for (const name of ["read", "write", "join"]) assert.equal(typeof found[name], "function", name);
  assert.equal(found.separator, "/");
  assert.equal(typeof found.fs, "object");
  assert.equal(typeof found.urls, "object");
});

Deno.test("exports of every name are returned, __proto__ and default among them", async () => {
  const found = await evaluate(`
    import { sep } from "node:path";
    var a = 1, b = { polluted: true };
    export * from "node:querystring";
    export * as ns from "node:url";
    export { basename as base } from "node:path";
    export { a as default, b as __proto__, a as "any } name", sep, a as parse };
    /* a legal comment */`);
  assert.equal(found.default, 1);
  assert.equal(Object.hasOwn(found, "__proto__"), true);
  assert.equal(Object.getPrototypeOf(found), Object.prototype);
  assert.equal(found["any } name"], 1);
  assert.equal(found.sep, "/");
  assert.equal(found.parse, 1, "an own export wins over export *");
  assert.equal(typeof found.stringify, "function");
  assert.equal(typeof found.base, "function");
  assert.equal(typeof found.ns, "object");
});

Deno.test("import.meta cannot be shadowed, and look-alikes in text stay as they are", async () => {
  const found = await evaluate(`
    var meta = "mine", $m0 = "taken";
    var text = 'import x from "node:fs"; export { y }; import.meta', regex = /export {a}; import.meta/;
    var template = \`import "x" \${(() => import.meta.url)()} export default\`;
    // export { nothing }; import.meta
    export { meta, text, template, regex, $m0 };`);
  assert.equal(found.meta, "mine");
  assert.equal(found.$m0, "taken");
  assert.equal(found.text, 'import x from "node:fs"; export { y }; import.meta');
  assert.equal(found.template, 'import "x" file:///main.js export default');
  assert.equal(String(found.regex), "/export {a}; import.meta/");
});

Deno.test("lines move by one and columns stay", async () => {
  const bundle =
    'import a from "node:fs";\n  let x = import.meta.url; throw 1;\nexport {\n  x\n};\nlast();';
  const script = await toScript(bundle, "test:bundle.js");
  assert.ok(script.kind === "script");
  const lines = script.text.split("\n");
  assert.equal(lines[2]?.indexOf("throw 1"), bundle.split("\n")[1]?.indexOf("throw 1"));
  assert.equal(lines[6], "last();");
});

Deno.test("the function is strict, may await, and its text is a function of the bundle alone", async () => {
  const bundle =
    "await 0; var strict = (function () { return this === undefined; })(); export { strict };";
  assert.equal((await evaluate(bundle)).strict, true);
  assert.deepEqual(await toScript(bundle, "x:y"), await toScript(bundle, "x:y"));
});

Deno.test("what cannot be converted is an error, not an exception", async () => {
  for (
    const bundle of [
      "export default 1;",
      "export const a = 1;",
      'import defer * as x from "node:fs";',
      "}",
    ]
  ) {
    assert.equal((await toScript(bundle, "test:bundle.js")).kind, "error", bundle);
  }
});
