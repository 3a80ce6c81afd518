import assert from "node:assert/strict";
import { type Made, openRegistry } from "./registry.ts";
import { assertReplaceable, callableDefaults } from "../../src/builder/interop.ts";
import { build, openBuilder, openWith, rejection, runArtifact } from "./support.ts";

const SECRET = "SECRET-of-the-server";

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
    // Messages must not show the directories above the downloads.
    "climbing-nowhere": { files: { "index.js": `require("${"../".repeat(4)}x.js");` } },
    "climbing-further": { files: { "index.js": `require("${"../".repeat(5)}x.js");` } },
    "absolute-main": { manifest: { main: `${"../".repeat(20)}etc/hostname` }, files: {} },
    "url-import": module('export { default } from "https://127.0.0.1:9/x.ts";'),
    "text-import": module(
      'import x from "file:///etc/passwd" with { type: "text" };\nexport default x;',
    ),
  };
  await using registry = openRegistry(packages);
  await using opened = await openWith(registry.url);
  for (const name of Object.keys(packages)) {
    // What the package cannot bring in is missing: its require fails when the function runs.
    const reasons = name === "file-dependency"
      ? (await build(opened.builder, uses(name))).script
      : (await rejection(opened.builder, uses(name))).join("\n");
    assert.notEqual(reasons, "", name);
    for (const trace of [SECRET, opened.root, "builder-cache", "root:", "/tmp/"]) {
      assert.equal(reasons.includes(trace), false, `${name}: ${reasons}`);
    }
  }
  await Deno.remove(outside);
});

Deno.test("a registry that describes a package wrongly is named, not the server", async () => {
  const dist = { tarball: "http://127.0.0.1:9/x.tgz", integrity: "sha512-x" };
  const described: Readonly<Record<string, unknown>> = {
    "bogus-version": { "dist-tags": { latest: "x" }, versions: { x: { version: "x", dist } } },
    "bogus-tag": { "dist-tags": { latest: 1 }, versions: [] },
    "bogus-text": "text",
    "bogus-dist": {
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": { version: "1.0.0", dist: { tarball: 7, integrity: [] } } },
    },
  };
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const name = new URL(request.url).pathname.slice(1);
    const found = described[name];
    return Response.json(typeof found === "object" ? { name, ...found } : found);
  });
  await using opened = await openWith(`http://127.0.0.1:${server.addr.port}/`);
  for (const name of Object.keys(described)) {
    const [reason = ""] = await rejection(opened.builder, uses(name));
    assert.match(reason, new RegExp(`Cannot import "npm:${name}": `));
  }
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
  await using opened = await openWith(registry.url);
  const scripted = await build(opened.builder, uses("scripted"));
  assert.deepEqual((await runArtifact(scripted)).value, { x: "scripted" });
  assert.equal(await Deno.readTextFile(trace), "");
  assert.equal((await build(opened.builder, uses("linked"))).script.includes("root:"), false);
  await Deno.remove(trace);
});

Deno.test("a lock that passes one package off as another deceives its own commit only", async () => {
  await using registry = openRegistry({
    good: { files: { "index.js": 'module.exports = "good";' } },
    evil: { files: { "index.js": 'module.exports = "evil";' } },
  });
  await using opened = await openWith(registry.url);
  const evil = await build(opened.builder, uses("evil"));
  const forged = evil.lock.replaceAll("npm:evil@", "npm:good@").replaceAll('"evil@', '"good@');
  const result = await build(opened.builder, { ...uses("good"), "deno.lock": forged });
  assert.deepEqual((await runArtifact(result)).value, { x: "evil" });
  const honest = await build(opened.builder, uses("good"));
  assert.deepEqual((await runArtifact(honest)).value, { x: "good" });
  const again = await build(opened.builder, { ...uses("good"), "deno.lock": honest.lock });
  assert.deepEqual(again, honest);
});

/** The text with a source map of its own, which names these sources. */
function mapped(text: string, ...sources: readonly string[]): string {
  const map = JSON.stringify({ version: 3, sources, names: [], mappings: "AAAA" });
  const url = `data:application/json;base64,${new TextEncoder().encode(map).toBase64()}`;
  return `${text}\n//# sourceMappingURL=${url}\n`;
}

Deno.test("a package's own source map may name what it was compiled from, and hides nothing", async () => {
  const far = "../".repeat(20);
  await using registry = openRegistry({
    compiled: {
      files: {
        "index.js": mapped(
          'exports.value = "compiled";\nexports.fail = () => { throw new Error("here"); };',
          "../src/x.ts",
        ),
      },
    },
    remote: {
      files: { "index.js": mapped("exports.value = 1;", "https://example.com/x.ts") },
    },
    forged: { files: { "index.js": mapped("exports.value = 1;", `${far}etc/passwd`, "a\nb") } },
    sibling: { files: { "index.js": mapped(`exports.value = "${SECRET}";`, "../src/x.ts") } },
    climber: {
      files: {
        "index.js": mapped(
          'module.exports = require("../../sibling/1.0.0/index.js");',
          "../../sibling/1.0.0/index.js",
        ),
      },
    },
  });
  await using opened = await openWith(registry.url);
  for (const name of ["compiled", "remote", "forged", "sibling"]) {
    const { sourceMap } = await build(opened.builder, uses(name));
    const { sources } = JSON.parse(sourceMap);
    const expected = {
      compiled: "npm:compiled/src/x.ts",
      remote: "https://example.com/x.ts",
      forged: "(source of a package)",
      sibling: "npm:sibling/src/x.ts",
    };
    assert.ok(sources.includes(expected[name as keyof typeof expected]), sources.join());
    for (const trace of ["passwd", opened.root, "builder-cache"]) {
      assert.equal(sourceMap.includes(trace), false, sourceMap);
    }
  }
  const reasons = await rejection(opened.builder, uses("climber"));
  assert.match(reasons.join(), /reaches a file that no plain import names/);
});

Deno.test("a required ES module whose default is a function can be called, constructed and extended", async () => {
  await using registry = openRegistry({
    dual: {
      manifest: { module: "index.mjs" },
      files: {
        "index.js": "module.exports = class Point {};",
        "index.mjs": `export default class Point {
          static origin = "origin";
          constructor(x) { this.x = x; }
        }
        export const name = "named";`,
      },
    },
    called: {
      manifest: { module: "index.mjs" },
      files: {
        "index.js": "module.exports = (x) => x;",
        "index.mjs": "export default function (x) { return [this?.own, x]; }",
      },
    },
    user: {
      manifest: { dependencies: { dual: "1.0.0", called: "1.0.0" } },
      files: {
        "index.js": `const Point = require("dual");
        const called = require("called");
        class Further extends Point {}
        exports.results = [
          new Point(1).x, new Further(2).x, new Further(2) instanceof Further,
          new Point(1) instanceof Point, new Point.default(3) instanceof Point,
          Point.origin, Point.name, Object.keys(Point).sort(), Point.__esModule,
          called("x"), called.call({ own: 1 }, "y"), called.default("z"),
        ];`,
      },
    },
  });
  await using opened = await openWith(registry.url);
  const { value } = await runArtifact(await build(opened.builder, uses("user")));
  assert.deepEqual(value, {
    x: {
      results: [
        ...[1, 2, true, true, true, "origin", "named", ["default", "name"], true],
        ...[[null, "x"], [1, "y"], [null, "z"]],
      ],
    },
  });
});

Deno.test("a bundler that prints another helper for require is not used", () => {
  const helper =
    'var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);';
  const bundle = `var a;\n${helper}\nvar b;\n`;
  assert.equal(callableDefaults(bundle).split("\n").length, bundle.split("\n").length);
  assertReplaceable(bundle);
  assert.throws(
    () => assertReplaceable(bundle.replace("(mod) =>", "mod =>")),
    /^Error: The bundler of Deno \S+ is not supported: its output lacks the line that the builder replaces: var __toCommonJS/,
  );
});

Deno.test("lines of a text that look like the bundler's comments are text", async () => {
  await using opened = await openBuilder();
  const text = ["", "// other.ts", "// a note with { braces", `// ${"with { ".repeat(100_000)}`, ""]
    .join("\n");
  const { value } = await runArtifact(
    await build(opened.builder, {
      "main.ts": `export default () => ({ length: \`${text}\`.length });`,
      "other.ts": "export const unused = 1;",
    }),
  );
  assert.deepEqual(value, { length: text.length });
});
