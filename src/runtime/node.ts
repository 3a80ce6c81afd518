/**
 * Node's half of the runtime, which costs more to load than all of Deno, and so is loaded and hardened only where a
 * function can reach it. Its ways in are the global `process` and `import()`. The latter is syntax: without the word
 * in its script a function can only make it from text, by `eval` or a `Function` constructor. All of these are
 * gates that harden first.
 */
import { type Bindings, type Net, routeTcp, type Tls, TOOLS, tunnelPipes } from "./egress.ts";
import { lock, MAIN_PATH, remove, RUNTIME_NAME, untyped } from "./harden.ts";
import { refuseNames, type Resolvers } from "./names.ts";
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

/** Reach descriptors, native code, other processes or built-in modules around the hooks. */
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

/** Loads Node's half when it is called first. */
const loadProcess = getOwnPropertyDescriptor(globalThis, "process")?.get as () => unknown;

/** `new net.Socket({fd})` and its kin take over any open descriptor without asking; now none can be. */
function refuseDescriptors(process: Process, binding: string, handle: string): void {
  const prototype = process.binding(binding)[handle]?.prototype;
  if (prototype === undefined) throw new ErrorOf(`Cannot harden ${binding}: ${handle} is missing`);
  lock(prototype, "open", () => UV_EBADF);
}

/** `process.stdin` at its end, made when it is first asked for: the real one carries the replies to host calls. */
const emptyStdin = anonymous(
  (getBuiltin: (name: string) => { readonly Readable: { from(items: unknown[]): object } }) => {
    let stdin: object | undefined;
    return () => stdin ??= getBuiltin("stream").Readable.from([]);
  },
);

let hardened = false;
let egressSocket: string | undefined;

/** Names the socket of the egress proxy; before Node's half is loaded. */
export function useEgressSocket(path: string): void {
  egressSocket = path;
}

/**
 * Loads and hardens Node's half, once. Where it runs late, the function may have poisoned the language
 * before; so, as everywhere, it goes by indices and by what was captured.
 */
export function hardenNode(): void {
  if (hardened) return;
  const process = apply(loadProcess, globalThis, []) as Process;
  const getBuiltin = process.getBuiltinModule;
  refuseDescriptors(process, "pipe_wrap", "Pipe");
  refuseDescriptors(process, "tcp_wrap", "TCP");
  refuseDescriptors(process, "udp_wrap", "UDP");
  const pipes = process.binding("pipe_wrap") as unknown;
  const streams = process.binding("stream_wrap") as unknown;
  tunnelPipes({ ...pipes as Bindings, ...streams as Bindings }, egressSocket, TOOLS);
  defineProperty(process.argv, 0, dataDescriptor(RUNTIME_NAME, true));
  defineProperty(process.argv, 1, dataDescriptor(MAIN_PATH, true));
  // What follows are the runtime's own arguments.
  defineProperty(process.argv, "length", dictionary<unknown>({ value: 2 }));
  describeUser(process);
  // Packages read `process.env.NODE_ENV` when they load; the real one throws where all is denied.
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
  // Loading these takes as long as all else together, so they wait for the first module that needs them.
  const onNetwork = () => {
    const net = getBuiltin("net");
    routeTcp(net as Net, getBuiltin("tls") as Tls, TOOLS);
    refuseNames({ net, dns: getBuiltin("dns"), dgram: getBuiltin("dgram") } as Resolvers, TOOLS);
  };
  const moduleClass = untyped(getBuiltin("module"), "Module") as ModuleClass;
  restrictModules(moduleClass, getBuiltin, onNetwork);
  hardened = true;
}

// deno-lint-ignore no-explicit-any -- the type of "any constructor"
type AnyConstructor = new (...args: any[]) => unknown;

/** The constructor, behind a gate. Its traps are looked up on a dictionary, out of reach of the function. */
function gated(original: AnyConstructor): AnyConstructor {
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

/** The prototypes of what makes code from text; `constructor` of each is the only way to its maker. */
const CODE_PROTOTYPES = [
  Function.prototype,
  getPrototypeOf(async () => {}),
  getPrototypeOf(function* () {}),
  getPrototypeOf(async function* () {}),
] as const;

/** Puts gates before every way to Node's half, for a script without the words that need none. */
function installGates(): void {
  const gate = gated(Function);
  CODE_PROTOTYPES.forEach((prototype, index) => {
    const original = untyped(prototype as object, "constructor") as AnyConstructor;
    const replacement = index === 0 ? gate : gated(original);
    // `Object.getPrototypeOf(AsyncFunction)` is `Function`.
    if (index > 0) setPrototypeOf(original, gate);
    defineProperty(prototype as object, "constructor", dataDescriptor(replacement, true));
  });
  defineProperty(globalThis, "Function", dataDescriptor(gate, true));
  const gatedEval = (text: unknown) => {
    hardenNode();
    return evaluate(text as string);
  };
  defineProperty(globalThis, "eval", dataDescriptor(gatedEval, true));
  const accessor = getOwnPropertyDescriptor(globalThis, "process");
  defineProperty(globalThis, "process", {
    ...accessor,
    get() {
      hardenNode();
      return apply(loadProcess, globalThis, []);
    },
  });
}

/** Makes Node's half safe for this script: hardens it now where the script names a way to it, else on first use. */
export function guardNode(script: string): void {
  if (script.includes("import") || script.includes("eval")) hardenNode();
  else if (!hardened) installGates();
}
