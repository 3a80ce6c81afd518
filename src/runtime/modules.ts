/**
 * The modules that a function can load at run time: `node:` built-ins, except for those that give access to threads,
 * unchecked files, the heap or the engine. All other modules were bundled when the commit was finalized.
 *
 * Both hooks are needed. A function can bypass `resolve` by replacing `Module._resolveFilename`; ECMAScript imports of
 * built-ins do not call `load`.
 */
import { remove } from "./harden.ts";
import { DNS_SHIMS } from "./names.ts";
import {
  describeMachine,
  emptyFileSystem,
  EXISTENCE_EXPORTS,
  MACHINE_EXPORTS,
  USER_EXPORTS,
} from "./system.ts";
import {
  createObject,
  dataDescriptor,
  defineProperty,
  dictionary,
  indexOf,
  slice,
  TypeErrorOf,
} from "./primordials.ts";

/** Built-ins without a safe use: each reaches files, memory or the engine without a permission. */
const UNAVAILABLE = dictionary({ sqlite: true, wasi: true, v8: true, inspector: true, repl: true });

/** Families of built-ins that open connections or resolve names, like those that begin with an underscore. */
const NETWORK = dictionary({
  child_process: true,
  cluster: true,
  dgram: true,
  dns: true,
  http: true,
  http2: true,
  https: true,
  net: true,
  tls: true,
});

/** Built-ins that describe the machine, and the functions that replace what they report. */
const REPLACED = dictionary({ fs: emptyFileSystem, os: describeMachine });

/** Scheme of the reduced modules below. No other module can have it. */
const SHIM_PREFIX = "invoked:";

/**
 * Sources of reduced modules. Named exports of an imported built-in cannot be removed. So an import of these gets a copy
 * without exports that bypass the hooks or start threads.
 */
const SHIMS = dictionary<string>({
  ...DNS_SHIMS,
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
    export { arch, argv, chdir, cpuUsage, cwd, default, emitWarning, execArgv, exit, hrtime, memoryUsage,
      nextTick, pid, platform, ppid, resourceUsage, stderr, stdin, stdout, version, versions } from "node:process";
    export const { argv0, env, execPath, title, ${USER_EXPORTS} } = process;`,
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
  return new TypeErrorOf(`Module "${shown}" is not available in a function${why}`);
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
export interface ModuleClass {
  registerHooks(hooks: Hooks): unknown;
  isBuiltin(name: string): boolean;
}

/** Gets a built-in without any hook. Only the runtime may hold it. */
export type BuiltinGetter = (name: string) => object;

function rejectThreads(): never {
  throw new TypeErrorOf("Worker threads are not available in a function");
}

/**
 * Installs the hooks, then removes `registerHooks`.
 * @param onNetwork called once, before the first module with a network loads
 */
export function restrictModules(
  moduleClass: ModuleClass,
  getBuiltin: BuiltinGetter,
  onNetwork: () => void,
): void {
  const { isBuiltin } = moduleClass;
  let hasNetwork = false;
  const described: Record<string, boolean> = createObject(null);
  const prepare = (name: string) => {
    const describe = REPLACED[name];
    // Once only: a function may replace exports afterwards, as tests do.
    if (describe !== undefined && !described[name]) {
      described[name] = true;
      describe(getBuiltin(name));
    }
    if (hasNetwork || !(NETWORK[family(name)] || hasPrefix(name, "_"))) return;
    hasNetwork = true;
    onNetwork();
  };
  moduleClass.registerHooks({
    resolve(specifier, context, next) {
      const name = withoutPrefix(specifier);
      if (!isBuiltin(specifier) || UNAVAILABLE[family(name)]) throw unavailableModule(specifier);
      prepare(name);
      // `require` gets the original, which was reduced in place. The shim imports it, too.
      const isImport = context.conditions[1] === "import";
      const isShim = context.parentURL !== undefined && hasPrefix(context.parentURL, SHIM_PREFIX);
      if (isImport && !isShim && SHIMS[name] !== undefined) {
        return { url: SHIM_PREFIX + name, format: "module", shortCircuit: true };
      }
      return next(specifier, context);
    },
    load(url) {
      if (hasPrefix(url, SHIM_PREFIX)) {
        const source = SHIMS[slice(url, SHIM_PREFIX.length)];
        if (source !== undefined) return { format: "module", source, shortCircuit: true };
      }
      const name = withoutPrefix(url);
      if (name === url || UNAVAILABLE[family(name)]) throw unavailableModule(url);
      prepare(name);
      if (name === "worker_threads") {
        defineProperty(getBuiltin(url), "Worker", dataDescriptor(rejectThreads, false));
      }
      return { format: "builtin", source: null, shortCircuit: true };
    },
  });
  remove(moduleClass, "registerHooks");
}
