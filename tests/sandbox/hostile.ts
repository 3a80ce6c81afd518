/** Functions that change built-ins, or need many modules. */
import assert from "node:assert/strict";
import { output, run } from "./harness.ts";
import { step } from "./shared_pool.ts";

step("the isolation holds after a function changed built-ins", async (sandboxes) => {
  const poisons = [
    `Array.prototype[Symbol.iterator] = function* () {}; Array.prototype.forEach = () => {};`,
    `Object.prototype.get = () => 1; Object.prototype.value = 1; Object.prototype.resolve = null;`,
    `Reflect.defineProperty = Reflect.deleteProperty = Object.defineProperty = () => true;`,
    `Object.create = Object.assign = Object.freeze = (o) => o; String.prototype.slice = () => "";`,
    `Object.defineProperty(Array.prototype, "0", { set() {}, get() { return "import"; } });`,
    `Object.prototype.sqlite = undefined; Object.prototype.url = "node:sqlite"; Object.prototype.format = "builtin";`,
    `RegExp.prototype.exec = () => null; Function.prototype.call = Function.prototype.bind = () => () => {};`,
    `Object.prototype.apply = (t) => t; Object.prototype.construct = (t) => t; Object.prototype.has = () => false;`,
  ];
  for (const poison of poisons) {
    const { outcome } = await run(
      sandboxes,
      `const main = () => {
        const make = (async () => {}).constructor, keys = Object.keys;
        const text = "const m = await im" + "port('node:sq" + "lite'); return m";
        ${poison}
        let leak = "none";
        try { if (globalThis["pro" + "cess"].getBuiltinModule || globalThis["pro" + "cess"].binding) leak = "LEAK"; } catch {}
        return make(text)().then((m) => ({ leak: "LEAK" + keys(m) }), () => ({ leak }));
      };`,
    );
    const text = outcome.kind === "success" ? outcome.outputJson : outcome.message;
    assert.doesNotMatch(text, /LEAK/, `${poison}: ${text}`);
  }
});

step("modules that packages need can be loaded", async (sandboxes) => {
  const names = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "stream",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "timers",
    "timers/promises",
    "tls",
    "tty",
    "url",
    "util",
    "util/types",
    "vm",
    "worker_threads",
    "zlib",
  ];
  const got = await output(
    sandboxes,
    `const { createRequire } = await import("node:module");
    const req = createRequire(meta.url);
    async function main({ names }) {
      const failed = [];
      for (const n of names) {
        try { await import("node:" + n); req(n); req("node:" + n); } catch (e) { failed.push(n + " " + e); }
      }
      const { createHash } = await import("node:crypto");
      return { failed, url: meta.url, hash: createHash("sha1").update("a").digest("hex"), exit: typeof process.exit,
        buffer: Buffer.from("é").toString("hex"), threads: req("worker_threads").isMainThread, mode: process.env.NODE_ENV ?? "none", env: (await import("node:process")).env === process.env, text: eval("1 + 1"),
        made: new Function("a", "return a * 2")(4), isFunction: main instanceof Function && (async () => {}) instanceof Function };
    }`,
    { input: { names } },
  );
  assert.deepEqual(got, {
    failed: [],
    url: "file:///main.js",
    hash: "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
    exit: "function",
    buffer: "c3a9",
    threads: true,
    mode: "none",
    env: true,
    text: 2,
    made: 8,
    isFunction: true,
  });
});
