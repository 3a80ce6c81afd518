/** Parts of hostile functions that set traps on prototypes before the engine is used, and look at what they caught. */

/** Words by which a runtime could recognize what a script needs are split, so that it cannot prepare for it. */
export const PRELUDE = String.raw`
  const { defineProperty, getOwnPropertyDescriptor, ownKeys, setPrototypeOf, apply } = Reflect;
  const { create } = Object, { has, add } = Set.prototype, textOf = Function.prototype.toString;
  const { slice, indexOf } = String.prototype, ProxyOf = Proxy, SymbolOf = Symbol, keysOf = Object.keys;
  const caught = new Set(), seen = new Set();
  const note = (value) => {
    if (value === undefined || value === null || apply(has, seen, [value])) return;
    apply(add, seen, [value]);
    apply(add, caught, [value]);
  };
  const load = (async () => {}).constructor("name", "return await im" + "port(name)");
  const attempt = async (use) => {
    try { return await Promise.race([use(), new Promise((done) => setTimeout(done, 500))]); } catch {}
  };
  addEventListener("unhandledrejection", (event) => event.preventDefault());
  addEventListener("error", (event) => event.preventDefault());
`;

/** Accessors for all names, which behave as if they were not there. */
export const ACCESSORS = String.raw`
  const undo = [];
  const trap = (target, key) => {
    const old = getOwnPropertyDescriptor(target, key);
    if (old !== undefined && (!old.configurable || !("value" in old))) return;
    const descriptor = create(null);
    descriptor.configurable = true;
    descriptor.get = function () { note(this); return old?.value; };
    descriptor.set = function (value) {
      note(this); note(value);
      if (this === null || (typeof this !== "object" && typeof this !== "function")) return;
      const own = create(null);
      own.value = value; own.writable = own.enumerable = own.configurable = true;
      defineProperty(this, key, own);
    };
    defineProperty(target, key, descriptor);
    undo[undo.length] = () => old === undefined ? delete target[key] : defineProperty(target, key, old);
  };
  const set = () => {
    for (const target of [Array.prototype, Function.prototype, Promise.prototype, Object.prototype]) {
      for (const key of names) trap(target, key);
    }
  };
  const unset = () => { for (let at = undo.length - 1; at >= 0; at--) undo[at](); };
`;

/** Proxies as prototypes of prototypes, which see every name. */
export const PROXIES = String.raw`
  const targets = [Array.prototype, Function.prototype, Promise.prototype, Map.prototype, Set.prototype, Error.prototype];
  const handler = create(null);
  handler.get = (target, key, receiver) => { note(receiver); return Reflect_get(target, key, receiver); };
  handler.has = (target, key) => Reflect_has(target, key);
  handler.set = (target, key, value, receiver) => {
    note(receiver); note(value);
    const own = create(null);
    own.value = value; own.writable = own.enumerable = own.configurable = true;
    return defineProperty(receiver, key, own);
  };
  const Reflect_get = Reflect.get, Reflect_has = Reflect.has;
  const set = () => { for (const target of targets) setPrototypeOf(target, new ProxyOf(Object.prototype, handler)); };
  const unset = () => { for (const target of targets) setPrototypeOf(target, Object.prototype); };
`;

/** Uses for the first time all that a function can reach. */
export const USES = String.raw`
  const readAll = (holder) => {
    for (const key of ownKeys(holder)) { try { note(holder[key]); } catch {} }
  };
  const use = async () => {
    readAll(globalThis); readAll(Deno); readAll(navigator);
    const { createRequire } = (await attempt(() => load("node:module"))) ?? {};
    const loaded = create(null);
    const req = createRequire("file:///main.js");
    for (const name of modules) {
      await attempt(() => load(name));
      await attempt(() => load("node:" + name));
      await attempt(() => { loaded[name] = req(name); });
      await attempt(() => req("node:" + name));
    }
    const { net, http, stream, crypto, dns, path, module, vm, tls, dgram, zlib, events, os, util } = loaded;
    const { child_process, cluster, http2, worker_threads, readline } = loaded;
    const node = globalThis["pro" + "cess"];
    await attempt(() => readAll(node));
    const failing = (make) => attempt(() => new Promise((done) => make().on("error", done)));
    await failing(() => net.connect(80, "localhost"));
    await failing(() => net.connect("/nowhere"));
    await failing(() => net.createServer().listen(0));
    await failing(() => net.createServer().listen("\0abstract"));
    await failing(() => new net.Socket({ fd: 1 }));
    await failing(() => tls.connect(80, "localhost"));
    await failing(() => http.get("http://localhost/"));
    await failing(() => http2.connect("http://localhost"));
    await failing(() => dgram.createSocket("udp4").bind(0));
    await failing(() => child_process.spawn("true"));
    await attempt(() => child_process.fork("x"));
    await attempt(() => cluster.fork());
    await attempt(() => new worker_threads.Worker("x"));
    await attempt(() => dns.promises.lookup("localhost"));
    await attempt(() => new dns.Resolver().resolve("localhost", () => {}));
    await attempt(() => fetch("http://localhost/"));
    await attempt(() => new Promise((done) => { new WebSocket("ws://localhost/").onerror = done; }));
    await attempt(() => stream.Readable.fromWeb(new ReadableStream()));
    await attempt(() => stream.Duplex.from([]));
    await attempt(() => stream.Readable.from([1]).toArray());
    await attempt(() => crypto.createHash("sha256").end());
    await attempt(() => crypto.scryptSync("a", "b", 16));
    await attempt(() => path.matchesGlob("a", "*"));
    await attempt(() => zlib.gzipSync("a"));
    await attempt(() => events.once(new EventTarget(), "x", { signal: AbortSignal.timeout(1) }));
    await attempt(() => util.inspect(new Map([[1, {}]])));
    await attempt(() => readline.createInterface({ input: stream.Readable.from([]) }).close());
    await attempt(() => new Response(new Blob(["a"]).stream().pipeThrough(new CompressionStream("gzip"))).bytes());
    await attempt(() => structuredClone(new Map([[1, new Error("a")]])));
    await attempt(() => vm.runInNewContext("1"));
    for (const event of ["unhandledRejection", "rejectionHandled", "uncaughtException", "exit", "beforeExit", "SIGINT"]) {
      await attempt(() => node.on(event, () => {}));
      await attempt(() => node.removeAllListeners(event));
    }
    await attempt(() => node.emitWarning("a"));
    await attempt(() => { node.exitCode = 0; });
    await attempt(() => node.stdout.write(""));
    await attempt(() => console.table([{ a: 1 }]));
    return { loaded, module, vm, req };
  };
`;

/** Calls every function of every module without arguments. */
export const CALLS = String.raw`
  const STOPPING = ["exit", "reallyExit", "abort", "test", "it", "describe", "suite", "run"];
  const callAll = async (loaded) => {
    for (const name of modules) {
      for (const key of ownKeys(loaded[name] ?? {})) {
        if (STOPPING.includes(key)) continue;
        await attempt(() => { new loaded[name][key]().on?.("error", () => {}); });
        await attempt(() => loaded[name][key]());
      }
    }
  };
`;

/** Describes what was caught if it is part of the engine or gives access to it. */
export const JUDGE = String.raw`
  const HANDLES = ["Pipe", "TCP", "UDP", "TTY"], CALLS = ["connect", "connect6", "open", "bind", "bind6", "listen", "accept"];
  const ENGINE_KEYS = ["loadExtScript", "createLazyLoader", "__nodeBootstrapArgs", "denoArgs", "usesLocalNodeModulesDir",
    "__bootstrapNodeProcess", "internalBinding", "primordials", "registerHooks", "nodeBootstrap", "opNames", "inspectArgs",
    "serveHttpOnListener", "createPipe", "op_print"];
  const SERVER_TEXT = ["/bootstrap-", "egress=", ".sock", "node_modules/deno"];
  const standard = new Set(["Function", "Object", "Array", "Promise", "Reflect"].flatMap((name) =>
    [globalThis[name], globalThis[name].prototype].flatMap((holder) => holder === undefined ? [] : ownKeys(holder).flatMap((key) => {
      const { value } = getOwnPropertyDescriptor(holder, key) ?? {};
      return typeof value === "function" ? [value] : [];
    }))));
  const judge = (value) => {
    if (typeof value === "string") {
      return SERVER_TEXT.filter((text) => value.includes(text)).map((text) => "text with " + text);
    }
    if (typeof value === "function") {
      const text = textOf.call(value), { name } = value;
      if (text.includes("[native code]") && CALLS.includes(name) && !standard.has(value)) return ["native " + name];
      if (name === "registerHooks" || text.includes("_activateEsmHooks") || text.includes("__bootstrapNodeProcess")) return ["engine function " + name];
    }
    if (typeof value !== "object" && typeof value !== "function") return [];
    if (value === globalThis || Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) {
      return value === globalThis ? [] : value.flatMap(judge);
    }
    let keys = [];
    try { keys = ownKeys(value); } catch {}
    return keys.filter((key) => ENGINE_KEYS.includes(key)).map((key) => "object with " + key);
  };
`;

/** Attempts to get at built-ins around the hooks. Each returns a text if it got something. */
export const DETOURS = String.raw`
  const around = async ({ module, vm, req }) => {
    const got = [];
    const report = async (name, use) => {
      const result = await attempt(use);
      if (result) got[got.length] = name + ": " + result;
    };
    const forged = (url) => async () => {
      const own = create(null);
      own.configurable = true; own.set = () => {}; own.get = () => () => ({ url, shortCircuit: true });
      defineProperty(Array.prototype, "0", own);
      try { return await load("node:path"); } finally { delete Array.prototype[0]; }
    };
    const parent = (name) => async () => await new vm.Script("im" + "port('" + name + "')",
      { filename: "invoked:x", importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }).runInThisContext();
    const renamed = (name, within) => () => {
      const { _resolveFilename } = module;
      module._resolveFilename = () => name;
      try { return within(); } finally { module._resolveFilename = _resolveFilename; }
    };
    const reentered = (name) => () => {
      let result;
      const own = create(null);
      own.configurable = true;
      own.set = function (value) {
        const item = create(null);
        item.value = value; item.writable = item.enumerable = item.configurable = true;
        defineProperty(this, "0", item);
        try { result ??= renamed(name, () => module._load("x"))(); } catch {}
      };
      defineProperty(Array.prototype, "0", own);
      try { req("path"); } finally { delete Array.prototype[0]; }
      return result;
    };
    const paths = { forged, parent, renamed: (name) => renamed(name, () => module._load("x")), reentered };
    for (const [name, path] of Object.entries(paths)) {
      const get = async (of) => (await path(of)()) ?? {};
      await report(name + " threads", async () => new (await get("node:worker_threads")).Worker("data:text/javascript,1", { eval: true }) && "Worker");
      await report(name + " binding", async () => keysOf(await get("internal/test/binding")).filter((key) => key === "internalBinding").join());
      await report(name + " node:binding", async () => keysOf(await get("node:internal/test/binding")).filter((key) => key === "internalBinding").join());
      await report(name + " table", async () => keysOf((await get("node:module")).getBuiltinModule("v8")).join());
      await report(name + " process", async () => keysOf((await get("node:process")).getBuiltinModule("sqlite")).join());
      await report(name + " names", async () => (await (await get("node:dns/promises")).lookup("localhost")).address);
      await report(name + " inspector", async () => { const { Session } = await get("node:inspector"); if (!Session) return; new Session().connect(); return "Session"; });
      await report(name + " flags", async () => {
        const { setFlagsFromString } = await get("node:v8");
        if (!setFlagsFromString) return;
        setFlagsFromString("--allow-natives-syntax");
        try { return String(vm.runInThisContext("%GetOptimizationStatus(() => 1)")); } catch { return; }
      });
    }
    await report("original hooks", async () => (await parent("node:module")()).registerHooks && "registerHooks");
    return got;
  };
`;
