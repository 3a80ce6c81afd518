import assert from "node:assert/strict";
import { output, run, sandboxTest } from "./harness.ts";

/** Each is the body of a `probe`; one that is not refused returns a text that begins with LEAK. */
const DENIED: Readonly<Record<string, string>> = {
  "files by Deno": `return "LEAK" + Deno.readTextFileSync("/etc/passwd");`,
  "files by node:fs": `return "LEAK" + (await import("node:fs")).readFileSync("/etc/passwd");`,
  "files by fetch": `return "LEAK" + await (await fetch("file:///etc/passwd")).text();`,
  "writing files": `Deno.writeTextFileSync("/tmp/x", ""); return "LEAK";`,
  "temporary files": `return "LEAK" + Deno.makeTempFileSync();`,
  "the parent's environment":
    `return "LEAK" + Deno.readTextFileSync("/proc/" + Deno.ppid + "/environ");`,
  "own environment": `return "LEAK" + JSON.stringify(Deno.env.toObject());`,
  "environment by process":
    `const e = Object.keys(process.env); if (e.length === 0) throw 1; return "LEAK" + e;`,
  "one variable by process":
    `const v = process.env.DENO_DIR; if (v === undefined) throw 1; return "LEAK" + v;`,
  "the host name": `return "LEAK" + Deno.hostname();`,
  "network interfaces": `return "LEAK" + JSON.stringify(Deno.networkInterfaces());`,
  "subprocesses by Deno": `new Deno.Command("id").outputSync(); return "LEAK";`,
  "subprocesses by node":
    `const r = (await import("node:child_process")).spawnSync("/bin/id", [], { env: {} }); if (r.error) throw r.error; return "LEAK";`,
  "forks":
    `const c = (await import("node:child_process")).fork("/main.js"); return "LEAK" + c.pid;`,
  "FFI": `Deno.dlopen("libc.so.6", {}); return "LEAK";`,
  "native addons": `process.dlopen({ exports: {} }, "/x.node"); return "LEAK";`,
  "permission requests":
    `const s = (await Deno.permissions.request({ name: "read" })).state; if (s !== "granted") throw s; return "LEAK";`,
  "killing the parent by Deno": `Deno.kill(Deno.ppid, "SIGCONT"); return "LEAK";`,
  "killing the parent by process": `process.kill(Deno.ppid, 0); return "LEAK";`,
  "killing by ChildProcess":
    `const { ChildProcess } = await import("node:child_process"); const c = new ChildProcess(); c.pid = Deno.ppid; if (!c.kill(0)) throw 1; return "LEAK";`,
  "priorities": `(await import("node:os")).setPriority(Deno.ppid, 19); return "LEAK";`,
  "Worker": `new Worker("data:application/javascript,1", { type: "module" }); return "LEAK";`,
  "worker_threads imported":
    `new (await import("node:worker_threads")).Worker("1", { eval: true }); return "LEAK";`,
  "worker_threads by default":
    `new (await import("node:worker_threads")).default.Worker("1", { eval: true }); return "LEAK";`,
  "worker_threads required":
    `new (req("worker_threads").Worker)("1", { eval: true }); return "LEAK";`,
  "sqlite": `return "LEAK" + Object.keys(await import("node:sqlite"));`,
  "sqlite required": `return "LEAK" + Object.keys(req("node:sqlite"));`,
  "sqlite required bare": `return "LEAK" + Object.keys(req("sqlite"));`,
  "sqlite by Module._load": `return "LEAK" + Object.keys(req("module")._load("node:sqlite"));`,
  "sqlite by _resolveFilename":
    `req("module")._resolveFilename = () => "node:sqlite"; return "LEAK" + Object.keys(req("node:fs"));`,
  "sqlite by _resolveFilename bare":
    `req("module")._resolveFilename = () => "sqlite"; return "LEAK" + Object.keys(req("fs"));`,
  "sqlite inside a resolve":
    `const M = req("module"); let got; const was = M._resolveLookupPaths; M._resolveLookupPaths = function () { got ??= Object.keys(M._load("node:sqlite")); return was.apply(this, arguments); }; try { req("./x"); } catch {} if (!got) throw 1; return "LEAK" + got;`,
  "sqlite by _compile":
    `const M = req("module"); const m = new M("x"); m._compile("module.exports = require('node:sqlite')", "/x.js"); return "LEAK" + Object.keys(m.exports);`,
  "sqlite by a new hook":
    `req("module").registerHooks({ resolve: (s) => ({ url: s, shortCircuit: true }) }); return "LEAK" + Object.keys(await import("node:sqlite"));`,
  "hooks by import": `return "LEAK" + (await import("node:module")).registerHooks.name;`,
  "getBuiltinModule by process":
    `return "LEAK" + Object.keys(process.getBuiltinModule("node:sqlite"));`,
  "getBuiltinModule by node:process":
    `return "LEAK" + Object.keys((await import("node:process")).getBuiltinModule("node:sqlite"));`,
  "getBuiltinModule by node:module":
    `return "LEAK" + Object.keys((await import("node:module")).getBuiltinModule("node:sqlite"));`,
  "getBuiltinModule by req":
    `return "LEAK" + Object.keys(req("process").getBuiltinModule("node:sqlite"));`,
  "wasi": `return "LEAK" + Object.keys(await import("node:wasi"));`,
  "heap snapshots": `return "LEAK" + (await import("node:v8")).getHeapSnapshot();`,
  "the inspector": `return "LEAK" + Object.keys(await import("node:inspector"));`,
  "the inspector's promises":
    `return "LEAK" + Object.keys(await import("node:inspector/promises"));`,
  "repl": `return "LEAK" + Object.keys(await import("node:repl"));`,
  "node:cluster": `return "LEAK" + (await import("node:cluster")).default.fork().id;`,
  "imports in a vm":
    `const vm = await import("node:vm"); const m = await vm.runInThisContext("import('node:sqlite')", { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }); return "LEAK" + Object.keys(m);`,
  "imports in new code":
    `return "LEAK" + Object.keys(await new Function("return im" + "port('node:sqlite')")());`,
  "imports in indirect eval":
    `return "LEAK" + Object.keys(await (0, eval)("im" + "port('node:sqlite')"));`,
  "imports by an async constructor":
    `return "LEAK" + Object.keys(await (async () => {}).constructor("return im" + "port('node:sqlite')")());`,
  "imports by a generator constructor":
    `return "LEAK" + Object.keys(await (function* () {}).constructor("return im" + "port('node:sqlite')")().next().value);`,
  "imports by an inherited constructor":
    `const F = Object.getPrototypeOf((async () => {}).constructor); return "LEAK" + Object.keys(await F("return im" + "port('node:sqlite')")());`,
  "importing files":
    `return "LEAK" + (await import("file:///etc/passwd", { with: { type: "text" } })).default;`,
  "importing files by case":
    `return "LEAK" + (await import("FILE:///etc/passwd", { with: { type: "text" } })).default;`,
  "importing data":
    `return "LEAK" + (await import("data:application/javascript,export default 1")).default;`,
  "importing blobs":
    `const u = URL.createObjectURL(new Blob(["import x from 'file:///etc/passwd' with { type: 'text' }; export default x"], { type: "application/javascript" })); return "LEAK" + (await import(u)).default;`,
  "importing npm": `return "LEAK" + Object.keys(await import("npm:exfil-secret@1.0.0"));`,
  "importing jsr": `return "LEAK" + Object.keys(await import("jsr:@exfil/secret@1"));`,
  "requiring files": `return "LEAK" + req("/etc/passwd");`,
  "loading files by extension":
    `const M = req("module"); const m = new M("x"); M._extensions[".js"](m, "/etc/passwd"); return "LEAK";`,
  "the bootstrap":
    `const m = await import(Deno.mainModule); const k = Object.keys(m); if (k.length === 0) throw 1; return "LEAK" + k;`,
  "localStorage": `localStorage.setItem("k", "v"); return "LEAK";`,
  "sessionStorage": `sessionStorage.setItem("k", "v"); return "LEAK";`,
  "caches": `await caches.open("k"); return "LEAK";`,
  "BroadcastChannel": `new BroadcastChannel("k"); return "LEAK";`,
  "navigator.gpu": `return "LEAK" + await navigator.gpu.requestAdapter();`,
  "Deno.internal": `return "LEAK" + Object.keys(Deno[Deno.internal]);`,
  "Deno's internal symbol":
    `for (const k of Object.getOwnPropertySymbols(Deno)) if (Deno[k]?.core || Deno[k]?.Console) return "LEAK"; throw 1;`,
  "Deno.core": `return "LEAK" + Object.keys(Deno.core);`,
  "process.binding": `return "LEAK" + Object.keys(process.binding("fs"));`,
  "the binary's path": `const p = Deno.execPath(); if (p === "deno") throw 1; return "LEAK" + p;`,
  "paths in process":
    `const s = [process.execPath, process.argv0, process.title, ...process.argv, process.mainModule?.filename, Deno.mainModule, ...Deno.args].join(); if (!/node_modules|src|bootstrap|home|work/.test(s)) throw 1; return "LEAK" + s;`,
  "paths in node:process":
    `const p = await import("node:process"); const s = [p.execPath, p.argv0, ...p.argv].join(); if (!/node_modules|src|bootstrap/.test(s)) throw 1; return "LEAK" + s;`,
  "paths in require.main":
    `const s = JSON.stringify([req.main?.filename, Object.keys(req.cache)]); if (!/src|bootstrap/.test(s)) throw 1; return "LEAK" + s;`,
  "paths in stacks":
    `Error.stackTraceLimit = 100; const s = [new Error().stack, await new Promise((r) => setTimeout(() => r(new Error().stack)))].join(); if (!/file:|bootstrap/.test(s)) throw 1; return "LEAK" + s;`,
  "functions in stacks":
    `Error.prepareStackTrace = (_, sites) => sites.map((s) => String(s.getFileName()) + String(s.getEvalOrigin?.()) + String(s.getFunction?.())).join(); const s = new Error().stack; if (!/runtime|bootstrap/.test(s)) throw 1; return "LEAK" + s;`,
  "descriptors by net.Socket":
    `const net = await import("node:net"); const hit = []; for (let i = 3; i < 64; i++) { try { const s = new net.Socket({ fd: i, readable: false }); s.on("error", () => {}); hit.push(i); } catch {} } if (hit.length === 0) throw 1; return "LEAK" + hit;`,
  "descriptors by node:fs":
    `const fs = await import("node:fs"); const hit = []; for (let i = 3; i < 64; i++) { try { fs.writeSync(i, "x"); hit.push(i); } catch {} } if (hit.length === 0) throw 1; return "LEAK" + hit;`,
  "descriptors by tty":
    `const tty = await import("node:tty"); const hit = []; for (let i = 3; i < 64; i++) { try { new tty.ReadStream(i); hit.push(i); } catch {} } if (hit.length === 0) throw 1; return "LEAK" + hit;`,
  "descriptors by a listening socket":
    `const net = await import("node:net"); const s = net.createServer(); await new Promise((ok, no) => { s.on("error", no); s.listen({ fd: 5 }, ok); }); return "LEAK";`,
  "V8 flags":
    `(await import("node:v8")).setFlagsFromString("--allow-natives-syntax"); return "LEAK";`,
  "signals of others": `process._debugProcess(Deno.ppid); return "LEAK";`,
};

sandboxTest("what a function may not do is refused", async (sandboxes) => {
  for (const [name, probe] of Object.entries(DENIED)) {
    const { outcome } = await run(
      sandboxes,
      `async function main() {
        const req = (await import("node:module")).createRequire(meta.url);
        const probe = async () => {\n${probe}\n};
        try { return { got: await probe() }; } catch (e) { return { denied: String(e) }; }
      }`,
    );
    assert.ok(
      outcome.kind === "error" || !outcome.outputJson.includes("LEAK"),
      `${name}: ${JSON.stringify(outcome)}`,
    );
    if (outcome.kind === "error") assert.notEqual(outcome.word, "TIMEOUT", name);
  }
});

sandboxTest(
  "imports in new code are refused where the script itself names none",
  async (sandboxes) => {
    const makers = [
      `eval(text)`,
      `(0, eval)(text)`,
      `Function("return " + text)()`,
      `new Function("return " + text)()`,
      `(() => {}).constructor("return " + text)()`,
      `(async () => {}).constructor("return " + text)()`,
      `(function* () {}).constructor("return " + text)().next().value`,
      `(async function* () {}).constructor("return " + text)().next().then((r) => r.value)`,
      `Object.getPrototypeOf((async () => {}).constructor)("return " + text)()`,
      `Reflect.construct(Function, ["return " + text])()`,
      `Reflect.construct(Object, ["return " + text], (() => {}).constructor)`,
      `class F extends Function {}; new F("return " + text)()`,
      `process.getBuiltinModule("sqlite")`,
      `globalThis["pro" + "cess"]["getBuiltin" + "Module"]("sqlite")`,
      `Object.getOwnPropertyDescriptor(globalThis, "process").get?.call(globalThis).getBuiltinModule("sqlite")`,
    ];
    for (const maker of makers) {
      const [first, last] = maker.startsWith("class") ? maker.split("; ") : ["", maker];
      const { outcome } = await run(
        sandboxes,
        `async function main() {
        const text = "im" + "port('node:sq" + "lite')";
        try { ${
          first ?? ""
        }; const got = await (${last}); return { got: Object.keys(got).join() }; }
        catch (e) { return { denied: String(e) }; }
      }`,
      );
      assert.ok(
        outcome.kind === "error" || !/DatabaseSync/.test(outcome.outputJson),
        `${maker}: ${JSON.stringify(outcome)}`,
      );
    }
  },
);

sandboxTest("hardening that runs late holds in a poisoned language", async (sandboxes) => {
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
    const told = outcome.kind === "success" ? outcome.outputJson : outcome.message;
    assert.doesNotMatch(told, /LEAK/, `${poison}: ${told}`);
  }
});

sandboxTest("what packages need loads", async (sandboxes) => {
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
