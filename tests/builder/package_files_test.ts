/** Files that packages read beside their code. */
import assert from "node:assert/strict";
import { type Made, openRegistry } from "./registry.ts";
import { build, openWith, runArtifact } from "./support.ts";

const uses = (name: string) => ({
  "main.ts": `import read from "npm:${name}";\nexport default async () => ({ x: await read() });`,
});

/** Reads in the ways of CommonJS, and tries what must not work. */
const COMMON_JS: Made = {
  files: {
    "data/a.txt": "text of a",
    "data/b.json": '{"b":1}',
    "data/unnamed.bin": "nobody reads this",
    "lib/index.js": "",
    "index.js": `
      const fs = require("fs"), path = require("node:path");
      const { readFile } = require("fs/promises"), { promisify } = require("util");
      const a = path.join(__dirname, "data", "a.txt"), b = "data/b.json";
      const code = (read) => { try { return String(read()); } catch (error) { return error.code ?? error.name; } };
      const climb = "../".repeat(20), own = ["./data", "b.json"].join("/");
      module.exports = async () => ({
        __dirname, name: path.basename(__filename),
        sync: fs.readFileSync(a, "utf8"),
        bytes: fs.readFileSync(a).length,
        callback: await new Promise((done) => fs.readFile(a, "utf8", (error, text) => done(text))),
        promise: await readFile(a, { encoding: "utf8" }),
        stream: (await fs.createReadStream(a, "utf8").toArray()).join(""),
        url: fs.readFileSync(new URL("file://" + a), "utf8"),
        exists: [fs.existsSync(a), fs.existsSync(__dirname), fs.existsSync(a + "x")],
        stat: [fs.statSync(a).size, fs.statSync(a).isFile(), (await fs.promises.stat(__dirname)).isDirectory()],
        list: fs.readdirSync(path.dirname(a)),
        part: (await fs.createReadStream(a, { encoding: "utf8", start: 5, end: 6 }).toArray()).join(""),
        absent: [fs.statSync(a + "x", { throwIfNoEntry: false }) === undefined, await promisify(fs.exists)(a + "x")],
        native: [fs.realpathSync.native(a) === a, await promisify(fs.exists)(a)],
        working: [fs.lstatSync(".").isDirectory(), fs.readdirSync(".")],
        resolved: require.resolve("./" + b.replace("json", "json")),
        required: require(own),
        fresh: (fs.readFileSync(a).fill(0), fs.readFileSync(a, "utf8")),
        codes: [
          code(() => fs.readFileSync(__dirname)),
          code(() => fs.readFileSync(__dirname + ["/data/un", "named.bin"].join(""))),
          code(() => fs.readFileSync(__dirname + "/" + climb + "etc/passwd")),
          code(() => fs.readFileSync(new URL("file://" + __dirname + "/%2e%2e/%2e%2e/%2e%2e/etc/passwd"))),
          code(() => fs.readFileSync(a + "\\0")),
          code(() => fs.readFileSync(__dirname + "/data%2fa.txt")),
          code(() => fs.readFileSync("/etc/passwd")),
          code(() => fs.readdirSync("/")),
          code(() => fs.writeFileSync(a, "x")),
        ],
      });`,
  },
};

/** Reads in the ways of ES modules. */
const ES_MODULE: Made = {
  manifest: { main: "index.mjs" },
  files: {
    "code.wasm": "not really code",
    "index.mjs": `
      import { readFileSync } from "node:fs";
      import { createRequire } from "node:module";
      const url = new URL("./code.wasm", import.meta.url);
      export default async () => ({
        url: import.meta.url, dirname: import.meta.dirname,
        named: readFileSync(url, "utf8"),
        fetched: await (await fetch(url)).text(),
        type: (await fetch(url.href)).headers.get("content-type"),
        deno: [await Deno.readTextFile(url), (await Deno.readFile(url)).length],
        stat: [Deno.statSync(url).isFile, (await Deno.lstat(url)).isDirectory, (await Deno.stat(url)).size],
        dynamic: (await import("node:fs")).readFileSync(url, "utf8").length,
        promises: (await (await import("fs/promises")).readFile(url)).length,
        resolved: createRequire(import.meta.url).resolve("./code.wasm"),
        other: createRequire(import.meta.url).resolve("esm/code.wasm"),
        elsewhere: await fetch("file:///etc/passwd").then(() => "read", () => "rejected"),
      });`,
  },
};

const TEXT = "text of a";
const WASM = "not really code";

Deno.test("packages read the files that their code names, and nothing else", async () => {
  await using registry = openRegistry({ cjs: COMMON_JS, esm: ES_MODULE });
  await using opened = await openWith(registry.url);
  const cjs = await build(opened.builder, uses("cjs"));
  const { codes, ...read } = ((await runArtifact(cjs)).value as { x: { codes: unknown } }).x;
  assert.deepEqual(read, {
    __dirname: "/npm/cjs@1.0.0",
    name: "index.js",
    ...{
      sync: TEXT,
      bytes: 9,
      callback: TEXT,
      promise: TEXT,
      stream: TEXT,
      url: TEXT,
      fresh: TEXT,
    },
    exists: [true, true, false],
    stat: [9, true, true],
    list: ["a.txt", "b.json"],
    ...{ part: "of", absent: [true, false], native: [true, true] },
    working: [true, ["npm"]],
    resolved: "/npm/cjs@1.0.0/data/b.json",
    required: { b: 1 },
  });
  const DENIED = "NotCapable";
  assert.deepEqual(
    codes,
    ["EISDIR", "ENOENT", DENIED, DENIED, "ENOENT", "ENOENT", DENIED, DENIED, DENIED],
  );
  for (const trace of ["nobody reads this", opened.root, "builder-cache"]) {
    assert.equal(cjs.script.includes(trace), false, trace);
    assert.equal(cjs.script.includes(new TextEncoder().encode(trace).toBase64()), false, trace);
  }
  const { value } = await runArtifact(await build(opened.builder, uses("esm")));
  assert.deepEqual(value, {
    x: {
      url: "file:///npm/esm%401.0.0/index.mjs",
      dirname: "/npm/esm@1.0.0",
      ...{ named: WASM, fetched: WASM, type: "application/wasm", deno: [WASM, WASM.length] },
      stat: [true, false, WASM.length],
      ...{ dynamic: WASM.length, promises: WASM.length, elsewhere: "rejected" },
      ...{ resolved: "/npm/esm@1.0.0/code.wasm", other: "/npm/esm@1.0.0/code.wasm" },
    },
  });
});

Deno.test("texts that contain __dirname stay texts, and the working directory exists without files", async () => {
  await using registry = openRegistry({
    texts: {
      manifest: { main: "index.mjs" },
      files: {
        "a.txt": TEXT,
        "late.txt": TEXT,
        "index.mjs": `import fs from "node:fs";
          export default () => ({
            read: fs.readFileSync(__dirname + "/a.txt", "utf8"),
            name: __filename.split("/").at(-1), kind: typeof __dirname,
            script: \`
// src/injected.ts
\`.length,
            late: fs.readFileSync(__dirname + "/late.txt", "utf8"),
            text: "require(__dirname + 'x')".length, object: { __dirname: 1 }, pattern: / __dirname /.test("x"),
          });`,
      },
    },
    // The bundler declares the names of an ES module that is required in one list.
    own: {
      manifest: { main: "index.js" },
      files: {
        "a.txt": TEXT,
        "index.js": `module.exports = () => require("./module.mjs").read();`,
        "module.mjs": `import fs from "node:fs";
          import { dirname } from "node:path";
          import { fileURLToPath } from "node:url";
          const first = 1;
          const __dirname = import.meta.url ? dirname(fileURLToPath(import.meta.url)) : "";
          export const read = () => [first, __dirname, fs.readFileSync(__dirname + "/a.txt", "utf8")];`,
      },
    },
    looks: {
      files: {
        "index.js": `const fs = require("fs");
          module.exports = (path = ".") => [fs.lstatSync(path).isDirectory(), fs.readdirSync(".")];`,
      },
    },
  });
  await using opened = await openWith(registry.url);
  const run = async (name: string) => await runArtifact(await build(opened.builder, uses(name)));
  assert.deepEqual((await run("texts")).value, {
    x: {
      ...{ read: TEXT, name: "index.mjs", kind: "string", script: 20, late: TEXT },
      ...{ text: 24, object: { __dirname: 1 }, pattern: false },
    },
  });
  assert.deepEqual((await run("own")).value, { x: [1, "/npm/own@1.0.0", TEXT] });
  assert.deepEqual((await run("looks")).value, { x: [true, []] });
});

const readsOne = (file: string): string =>
  `module.exports = () => require("fs").readFileSync(__dirname + "/${file}").length;`;

Deno.test("links, native code and files beyond a limit are not carried", async () => {
  await using registry = openRegistry({
    linked: { files: { "index.js": readsOne("link.txt") }, links: { "link.txt": "/etc/passwd" } },
    native: { files: { "index.js": readsOne("x.node"), "x.node": "native" } },
    large: {
      files: { "index.js": readsOne("large.bin"), "large.bin": "a".repeat(10 * 1024 ** 2 + 1) },
    },
    plain: { files: { "index.js": "module.exports = () => 1;", "index.bin": "index.bin" } },
  });
  await using opened = await openWith(registry.url);
  const run = async (name: string) => await runArtifact(await build(opened.builder, uses(name)));
  assert.match(`${(await run("linked")).error}`, /^NotCapable: |ENOENT/);
  assert.match(`${(await run("native")).error}`, /^NotCapable: |ENOENT/);
  assert.match(
    `${(await run("large")).error}`,
    /^Error: EFBIG: 10,485,761 B are more than the limit of 10 MiB for a file of a package, open '\/npm\/large@1\.0\.0\/large\.bin'$/,
  );
  const { script } = await build(opened.builder, uses("plain"));
  assert.equal(script.includes("/npm/"), false, "a function without files stays as it is");
});
