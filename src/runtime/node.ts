/**
 * The Node part of the runtime. It costs more to load than all of Deno, so it is loaded and hardened only for functions
 * that can reach it. Its entry points are the global `process` and `import()`. The latter is syntax: a script without
 * that word needs `eval` or a `Function` constructor for it. Each of these entry points hardens first.
 */
import { type Bindings, type Net, routeTcp, type Tls, TOOLS, tunnelPipes } from "./egress.ts";
import { lock, MAIN_PATH, remove, RUNTIME_NAME, untyped } from "./harden.ts";
import { disableNameResolution, type Resolvers } from "./names.ts";
import { type BuiltinGetter, type ModuleClass, restrictModules } from "./modules.ts";
import { anonymous } from "./anonymous.ts";
import { describeUser } from "./system.ts";
import {
  apply,
  construct,
  dataDescriptor,
  defineProperty,
  dictionary,
  ErrorOf,
  evaluate,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ProxyOf,
  setPrototypeOf,
} from "./primordials.ts";

/** Give access to descriptors, native code, other processes or built-in modules without the hooks. */
const REMOVED_FROM_PROCESS = [
  "binding",
  "dlopen",
  "getBuiltinModule",
  "kill",
  "_kill",
  "abort",
  "_debugProcess",
  "_debugEnd",
  "_rawDebug",
  "_getActiveHandles",
  "_getActiveRequests",
  "_eval",
  "openStdin",
  "loadEnvFile",
  "mainModule",
  "setUncaughtExceptionCaptureCallback",
] as const;

/** Bad file descriptor, as libuv reports it. */
const UV_EBADF = -9;

interface Process {
  argv: string[];
  execPath: string;
  title: string;
  report: object;
  getBuiltinModule: BuiltinGetter;
  binding(name: string): Record<string, { prototype: object }>;
}

/** Loads the Node part with its first call. */
const loadProcess = getOwnPropertyDescriptor(globalThis, "process")?.get as () => unknown;

/** Makes `new net.Socket({fd})` and its like fail: they adopt any open descriptor without a permission. */
function blockDescriptors(process: Process, binding: string, handle: string): void {
  const prototype = process.binding(binding)[handle]?.prototype;
  if (prototype === undefined) throw new ErrorOf(`Cannot harden ${binding}: ${handle} is missing`);
  lock(prototype, "open", () => UV_EBADF);
}

/** An empty `process.stdin`, created on first use. The real one carries the replies to host calls. */
const emptyStdin = anonymous(
  (getBuiltin: (name: string) => { readonly Readable: { from(items: unknown[]): object } }) => {
    let stdin: object | undefined;
    return () => stdin ??= getBuiltin("stream").Readable.from([]);
  },
);

let hardened = false;
let egressSocket: string | undefined;

/** Sets the path of the egress socket, before the Node part is loaded. */
export function useEgressSocket(path: string): void {
  egressSocket = path;
}

/**
 * Loads and hardens the Node part, once. If it runs late, user code may have changed built-in prototypes. So it uses
 * indices and captured primordials only.
 */
export function hardenNode(): void {
  if (hardened) return;
  const process = apply(loadProcess, globalThis, []) as Process;
  const getBuiltin = process.getBuiltinModule;
  blockDescriptors(process, "pipe_wrap", "Pipe");
  blockDescriptors(process, "tcp_wrap", "TCP");
  blockDescriptors(process, "udp_wrap", "UDP");
  const pipes = process.binding("pipe_wrap") as unknown;
  const streams = process.binding("stream_wrap") as unknown;
  tunnelPipes({ ...pipes as Bindings, ...streams as Bindings }, egressSocket);
  defineProperty(process.argv, 0, dataDescriptor(RUNTIME_NAME, true));
  defineProperty(process.argv, 1, dataDescriptor(MAIN_PATH, true));
  // Drops the arguments of the bootstrap.
  defineProperty(process.argv, "length", dictionary<unknown>({ value: 2 }));
  describeUser(process);
  // Packages read `process.env.NODE_ENV` when they load. The real one throws without the permission.
  lock(process, "env", {});
  defineProperty(
    process,
    "stdin",
    dictionary<unknown>({ get: emptyStdin(getBuiltin as never), configurable: false }),
  );
  process.execPath = RUNTIME_NAME;
  process.title = RUNTIME_NAME;
  for (let index = 0; index < REMOVED_FROM_PROCESS.length; index++) {
    remove(process, REMOVED_FROM_PROCESS[index] ?? "");
  }
  // Loading these takes as long as everything else, so it waits for the first module that needs them.
  const onNetwork = () => {
    const net = getBuiltin("net");
    routeTcp(net as Net, getBuiltin("tls") as Tls, TOOLS);
    disableNameResolution(
      { net, dns: getBuiltin("dns"), dgram: getBuiltin("dgram") } as Resolvers,
      TOOLS,
    );
  };
  const moduleClass = untyped(getBuiltin("module"), "Module") as ModuleClass;
  restrictModules(moduleClass, getBuiltin, onNetwork);
  hardened = true;
}

// deno-lint-ignore no-explicit-any -- the type of "any constructor"
type AnyConstructor = new (...args: any[]) => unknown;

/** The constructor, which first hardens. User code cannot reach its traps, which are in a dictionary. */
function hardeningFirst(original: AnyConstructor): AnyConstructor {
  const handler = dictionary<unknown>({
    apply(target: AnyConstructor, self: unknown, args: unknown[]) {
      hardenNode();
      return apply(target as unknown as () => unknown, self, args as []);
    },
    construct(target: AnyConstructor, args: unknown[], newTarget: AnyConstructor) {
      hardenNode();
      return construct(target, args, newTarget);
    },
  });
  return new ProxyOf(original, handler as ProxyHandler<AnyConstructor>);
}

/** The prototypes of functions. `constructor` of each, which compiles text, is reachable only through it. */
const CODE_PROTOTYPES = [
  Function.prototype,
  getPrototypeOf(async () => {}),
  getPrototypeOf(function* () {}),
  getPrototypeOf(async function* () {}),
] as const;

/** Makes every entry point of the Node part harden first, for a script without `import` and `eval`. */
function hardenOnFirstUse(): void {
  const hardeningFunction = hardeningFirst(Function);
  CODE_PROTOTYPES.forEach((prototype, index) => {
    const original = untyped(prototype as object, "constructor") as AnyConstructor;
    const replacement = index === 0 ? hardeningFunction : hardeningFirst(original);
    // `Object.getPrototypeOf(AsyncFunction)` is `Function`.
    if (index > 0) setPrototypeOf(original, hardeningFunction);
    defineProperty(prototype as object, "constructor", dataDescriptor(replacement, true));
  });
  defineProperty(globalThis, "Function", dataDescriptor(hardeningFunction, true));
  const hardeningEval = (text: unknown) => {
    hardenNode();
    return evaluate(text as string);
  };
  defineProperty(globalThis, "eval", dataDescriptor(hardeningEval, true));
  const accessor = getOwnPropertyDescriptor(globalThis, "process");
  defineProperty(globalThis, "process", {
    ...accessor,
    get() {
      hardenNode();
      return apply(loadProcess, globalThis, []);
    },
  });
}

/** Hardens the Node part now if the script contains `import` or `eval`, else on first use. */
export function guardNode(script: string): void {
  if (script.includes("import") || script.includes("eval")) hardenNode();
  else if (!hardened) hardenOnFirstUse();
}
