/**
 * The modules that a function can load at run time: `node:` built-ins, except for those that give access to threads,
 * unchecked files, the heap or the engine. All other modules were bundled when the commit was finalized.
 *
 * Both hooks are needed. A function can bypass `resolve` by replacing `Module._resolveFilename`; ECMAScript imports of
 * built-ins do not call `load`.
 */
import { type BuiltinGetter, fillTable, type ModuleTable } from "./builtins.ts";
import { remove } from "./harden.ts";
import { DNS_SHIMS } from "./names.ts";
import { STARTER_EXPORTS } from "./processes.ts";
import { EXISTENCE_EXPORTS, MACHINE_EXPORTS, USER_EXPORTS } from "./system.ts";
import {
  defineProperty,
  dictionary,
  indexOf,
  plainDescriptor,
  slice,
  TypeErrorOf,
} from "./primordials.ts";

/** Built-ins without a safe use: each reaches files, memory or the engine without a permission. */
const UNAVAILABLE = dictionary({
  sqlite: true,
  wasi: true,
  v8: true,
  inspector: true,
  repl: true,
  internal: true,
});

/** Scheme of the reduced modules below. No other module can have it. */
const SHIM_PREFIX = "invoked:";

/**
 * Sources of reduced modules. Named exports of an imported built-in cannot be removed. So an import of these gets a copy
 * without exports that bypass the hooks or start threads.
 */
const SHIMS = dictionary<string>({
  ...DNS_SHIMS,
  child_process: `export * from "node:child_process";
    import started from "node:child_process";
    export default started;
    export const { ${STARTER_EXPORTS} } = started;`,
  cluster: `export * from "node:cluster";
    import cluster from "node:cluster";
    export default cluster;
    export const { fork } = cluster;`,
  fs: `export * from "node:fs";
    import fs from "node:fs";
    export default fs;
    export const { ${EXISTENCE_EXPORTS} } = fs;`,
  os: `export * from "node:os";
    import os from "node:os";
    export default os;
    export const { ${MACHINE_EXPORTS} } = os;`,
  module:
    `export { builtinModules, createRequire, default, findSourceMap, isBuiltin, Module, SourceMap,
    syncBuiltinESMExports, wrap } from "node:module";`,
  process: `import process from "node:process";
    export { arch, argv, chdir, cwd, default, emitWarning, execArgv, exit, hrtime, memoryUsage,
      nextTick, pid, platform, ppid, stderr, stdin, stdout, version, versions } from "node:process";
    export const { argv0, cpuUsage, env, execPath, resourceUsage, title, ${USER_EXPORTS} } = process;`,
  worker_threads: `import { createRequire } from "node:module";
    const threads = createRequire("file:///main.js")("node:worker_threads");
    export default threads;
    export const { BroadcastChannel, MessageChannel, MessagePort, SHARE_ENV, Worker, getEnvironmentData,
      isMainThread, markAsUntransferable, moveMessagePortToContext, parentPort, receiveMessageOnPort, resourceLimits,
      setEnvironmentData, threadId, workerData } = threads;`,
});

/** Most UTF-16 units of a specifier in an error. */
const SPECIFIER_SHOWN_MAX_UNITS = 100;

const NODE_PREFIX = "node:";
const NATIVE_SUFFIX = ".node";

function hasPrefix(text: string, prefix: string): boolean {
  return slice(text, 0, prefix.length) === prefix;
}

/** `node:fs/promises` to `fs/promises`. */
function withoutPrefix(specifier: string): string {
  return hasPrefix(specifier, NODE_PREFIX) ? slice(specifier, NODE_PREFIX.length) : specifier;
}

/** `inspector/promises` to `inspector`. */
function family(name: string): string {
  const slash = indexOf(name, "/");
  return slash < 0 ? name : slice(name, 0, slash);
}

function unavailableModule(specifier: string): Error {
  const shown = slice(specifier, 0, SPECIFIER_SHOWN_MAX_UNITS);
  const isNative = slice(specifier, -NATIVE_SUFFIX.length) === NATIVE_SUFFIX;
  const why = isNative ? ": it is native code" : "";
  const error = new TypeErrorOf(`Module "${shown}" is not available in a function${why}`);
  // Packages that can do without the module check for the code.
  defineProperty(error, "code", plainDescriptor("MODULE_NOT_FOUND"));
  return error;
}

type Resolved = { url: string; format?: string; shortCircuit?: boolean };
type Loaded = { format: string; source: string | null; shortCircuit: true };
interface Hooks {
  resolve(
    specifier: string,
    context: { conditions: readonly string[]; parentURL?: string },
    next: (specifier: string, context: unknown) => Resolved,
  ): Resolved;
  load(url: string): Loaded;
}

/** The parts of the class in `node:module` that the runtime uses. */
export interface ModuleClass extends ModuleTable {
  readonly builtinModules: readonly string[];
  registerHooks(hooks: Hooks): unknown;
  isBuiltin(name: string): boolean;
}

function isUnavailable(name: string): boolean {
  return UNAVAILABLE[family(withoutPrefix(name))] === true;
}

/** Installs the hooks, then removes `registerHooks`. */
function restrict(
  moduleClass: ModuleClass,
  shims: Readonly<Record<string, string | undefined>>,
  areShimsLoaded: () => boolean,
): void {
  const { isBuiltin } = moduleClass;
  moduleClass.registerHooks({
    resolve(specifier, context, next) {
      if (!isBuiltin(specifier) || isUnavailable(specifier)) throw unavailableModule(specifier);
      const name = withoutPrefix(specifier);
      // `require` gets the original, which was reduced in place. A shim imports it, too. A function can forge a parent.
      const isImport = context.conditions[1] === "import";
      const isShim = !areShimsLoaded() && context.parentURL !== undefined &&
        hasPrefix(context.parentURL, SHIM_PREFIX);
      if (isImport && !isShim && shims[name] !== undefined) {
        return { url: SHIM_PREFIX + name, format: "module", shortCircuit: true };
      }
      return next(specifier, context);
    },
    load(url) {
      if (hasPrefix(url, SHIM_PREFIX)) {
        const source = shims[slice(url, SHIM_PREFIX.length)];
        if (source !== undefined) return { format: "module", source, shortCircuit: true };
      }
      if (!hasPrefix(url, NODE_PREFIX) || isUnavailable(url)) throw unavailableModule(url);
      return { format: "builtin", source: null, shortCircuit: true };
    },
  });
  remove(moduleClass, "registerHooks");
}

/** The source of a module whose named exports are the present properties of a built-in, which were replaced. */
function shimOf(name: string, builtin: object): string {
  const names = Object.keys(builtin).filter((key) => key !== "default");
  return `import builtin from "node:${name}"; export default builtin;
    export const { ${names.join(", ")} } = builtin;`;
}

async function importAll(names: readonly string[]): Promise<void> {
  for (const name of names) await import(NODE_PREFIX + withoutPrefix(name));
}

/**
 * Loads every built-in for `require` and for `import`, also those that a function cannot load: others use them on
 * demand. Then restricts both. Built-ins with dangerous functions must have been reduced before: what is bound by an
 * import keeps its value.
 */
export async function loadModules(
  moduleClass: ModuleClass,
  getBuiltin: BuiltinGetter,
): Promise<void> {
  const { builtinModules } = moduleClass;
  fillTable(moduleClass, getBuiltin, builtinModules, isUnavailable);
  await importAll(builtinModules);
  let areShimsLoaded = false;
  const shims = dictionary({
    ...SHIMS,
    console: shimOf("console", getBuiltin("console")),
    crypto: shimOf("crypto", getBuiltin("crypto")),
    timers: shimOf("timers", getBuiltin("timers")),
    vm: shimOf("vm", getBuiltin("vm")),
  });
  restrict(moduleClass, shims, () => areShimsLoaded);
  await importAll(builtinModules.filter((name) => !isUnavailable(name)));
  areShimsLoaded = true;
}
