import assert from "node:assert/strict";
import { type Made, openRegistry } from "./registry.ts";
import { type Bench, build, openBench, refusal, runArtifact } from "./support.ts";

const SECRET = "SECRET-of-the-server";

/** A builder on a registry of made-up packages, with the real bundler. */
async function openWith(url: string): Promise<Bench> {
  await using first = await openBench();
  await build(first.builder, { "main.ts": "export default () => ({});" });
  return await openBench({}, { registry: url });
}

function uses(name: string): Record<string, string> {
  return { "main.ts": `import x from "npm:${name}";\nexport default () => ({ x });` };
}

function module(text: string): Made {
  return { manifest: { main: "index.mjs" }, files: { "index.mjs": text } };
}

Deno.test("a package cannot bring in anything but packages of the registry", async () => {
  const outside = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(outside, `export default "${SECRET}";`);
  const packages: Record<string, Made> = {
    "file-dependency": {
      manifest: { dependencies: { x: "file:/etc" } },
      files: { "index.js": 'module.exports = require("x/hostname");' },
    },
    "git-dependency": {
      manifest: { dependencies: { x: "git+http://127.0.0.1:9/x.git" } },
      files: { "index.js": "" },
    },
    "url-dependency": {
      manifest: { dependencies: { x: "http://127.0.0.1:9/x.tgz" } },
      files: { "index.js": "" },
    },
    "absolute-require": { files: { "index.js": `module.exports = require("${outside}");` } },
    "climbing-require": {
      files: { "index.js": `module.exports = require("${"../".repeat(20)}${outside.slice(1)}");` },
    },
    "absolute-main": { manifest: { main: `${"../".repeat(20)}etc/hostname` }, files: {} },
    "url-import": module('export { default } from "https://127.0.0.1:9/x.ts";'),
    "text-import": module(
      'import x from "file:///etc/passwd" with { type: "text" };\nexport default x;',
    ),
  };
  await using registry = openRegistry(packages);
  await using bench = await openWith(registry.url);
  for (const name of Object.keys(packages)) {
    const reasons = (await refusal(bench.builder, uses(name))).join("\n");
    assert.notEqual(reasons, "", name);
    for (const trace of [SECRET, bench.root, "/builder-cache", "root:"]) {
      assert.equal(reasons.includes(trace), false, `${name}: ${reasons}`);
    }
  }
  await Deno.remove(outside);
});

Deno.test("install scripts do not run, and links in a package are not followed", async () => {
  const trace = await Deno.makeTempFile();
  await using registry = openRegistry({
    scripted: {
      manifest: {
        scripts: { preinstall: `echo ran > ${trace}`, postinstall: `echo ran > ${trace}` },
      },
      files: { "index.js": 'module.exports = "scripted";' },
    },
    linked: {
      manifest: { main: "link.js" },
      files: { "index.js": 'module.exports = "fallback";' },
      links: { "link.js": "/etc/passwd" },
    },
  });
  await using bench = await openWith(registry.url);
  const scripted = await build(bench.builder, uses("scripted"));
  assert.deepEqual((await runArtifact(scripted)).value, { x: "scripted" });
  assert.equal(await Deno.readTextFile(trace), "");
  assert.equal((await build(bench.builder, uses("linked"))).script.includes("root:"), false);
  await Deno.remove(trace);
});

Deno.test("a lock that passes one package off as another deceives its own commit only", async () => {
  await using registry = openRegistry({
    good: { files: { "index.js": 'module.exports = "good";' } },
    evil: { files: { "index.js": 'module.exports = "evil";' } },
  });
  await using bench = await openWith(registry.url);
  const evil = await build(bench.builder, uses("evil"));
  const forged = evil.lock.replaceAll("npm:evil@", "npm:good@").replaceAll('"evil@', '"good@');
  const result = await build(bench.builder, { ...uses("good"), "deno.lock": forged });
  assert.deepEqual((await runArtifact(result)).value, { x: "evil" });
  const honest = await build(bench.builder, uses("good"));
  assert.deepEqual((await runArtifact(honest)).value, { x: "good" });
  const again = await build(bench.builder, { ...uses("good"), "deno.lock": honest.lock });
  assert.deepEqual(again, honest);
});
