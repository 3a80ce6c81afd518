/** Loads and hardens the Node part of the runtime. */
import { type Bindings, type Net, routeTcp, type Tls, TOOLS, tunnelPipes } from "./egress.ts";
import type { BuiltinGetter } from "./builtins.ts";
import { lock, MAIN_PATH, remove, RUNTIME_NAME, untyped } from "./harden.ts";
import { keepLog } from "./console.ts";
import type { Engine } from "./fork/memory.ts";
import { loadModules, type ModuleClass } from "./modules.ts";
import {
  blockResolver,
  deniedListener,
  disableNameResolution,
  type Resolver,
  type Resolvers,
} from "./names.ts";
import { dataDescriptor, defineProperty, dictionary, ErrorOf, TypeErrorOf } from "./primordials.ts";
import { useVm, type Vm } from "./script.ts";
import { denyProcesses } from "./processes.ts";
import { describeMachine, describeUser, emptyFileSystem } from "./system.ts";
import { useProcess } from "./usage.ts";

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
  report: object;
  getBuiltinModule: BuiltinGetter;
  resourceUsage: () => unknown;
  binding(name: string): Record<string, { prototype: object }>;
}

/** Makes `new net.Socket({fd})` and its like fail: they adopt any open descriptor without a permission. */
function blockDescriptors(process: Process, binding: string, handle: string): void {
  const prototype = process.binding(binding)[handle]?.prototype;
  if (prototype === undefined) throw new ErrorOf(`${handle} of ${binding} is missing`);
  lock(prototype, "open", () => UV_EBADF);
}

/** Makes the JavaScript calls that load further modules. They use no random numbers, files or connections. */
function loadOnUse(getBuiltin: BuiltinGetter): void {
  const { Duplex, Readable } = getBuiltin("stream") as typeof import("node:stream");
  Duplex.from([]);
  Readable.fromWeb(new ReadableStream() as never);
  (getBuiltin("crypto") as typeof import("node:crypto")).createHash("sha256").end();
  (getBuiltin("path") as typeof import("node:path")).matchesGlob("a", "*");
}

/** Throws as Deno's `Worker` would without its permission. */
function rejectThreads(): never {
  throw new TypeErrorOf("Worker threads are not available in a function");
}

/** Replaces what opens connections, resolves names, describes the machine or starts threads and processes. */
function reduceBuiltins(getBuiltin: BuiltinGetter): void {
  const net = getBuiltin("net");
  routeTcp(net as Net, getBuiltin("tls") as Tls, TOOLS);
  disableNameResolution(
    { net, dns: getBuiltin("dns"), dgram: getBuiltin("dgram") } as Resolvers,
    deniedListener.note,
  );
  emptyFileSystem(getBuiltin("fs"));
  describeMachine(getBuiltin("os"));
  lock(getBuiltin("worker_threads"), "Worker", rejectThreads);
  denyProcesses(getBuiltin("child_process"), getBuiltin("cluster"));
  keepLog(getBuiltin("console"));
}

/** Built-ins of Node with functions that forks would share. */
export interface NodeParts {
  readonly crypto: object;
  readonly net: Net;
  readonly process: object;
  readonly timers: { readonly promises: object };
  readonly timersPromises: { readonly scheduler: object };
  readonly vm: Vm;
}

/**
 * Loads and hardens the Node part, before user code.
 * @param prepare called before anything imports the built-ins
 * @returns what reaches the garbage collector
 */
export async function loadNode(prepare: (parts: NodeParts) => void): Promise<Engine> {
  const { process } = globalThis as unknown as { readonly process: Process };
  const getBuiltin = process.getBuiltinModule;
  blockDescriptors(process, "pipe_wrap", "Pipe");
  blockDescriptors(process, "tcp_wrap", "TCP");
  blockDescriptors(process, "udp_wrap", "UDP");
  const pipes = process.binding("pipe_wrap") as unknown;
  const streams = process.binding("stream_wrap") as unknown;
  tunnelPipes({ ...pipes as Bindings, ...streams as Bindings });
  blockResolver(process.binding("cares_wrap") as unknown as Resolver);
  useProcess(process);
  hardenProcess(process);
  reduceBuiltins(getBuiltin);
  const vm = getBuiltin("vm") as Vm;
  prepare({
    crypto: getBuiltin("crypto"),
    net: getBuiltin("net") as Net,
    process,
    timers: getBuiltin("timers") as NodeParts["timers"],
    timersPromises: getBuiltin("timers/promises") as NodeParts["timersPromises"],
    vm,
  });
  // The table of modules closes `node:v8` only if it loads it itself.
  let engine: object = {};
  await loadModules(untyped(getBuiltin("module"), "Module") as ModuleClass, (name) => {
    const loaded = getBuiltin(name);
    if (name === "v8") engine = loaded;
    return loaded;
  });
  loadOnUse(getBuiltin);
  useVm(vm);
  for (const key of REMOVED_FROM_PROCESS) remove(process, key);
  // Set by `node:module`; receives arguments of the process.
  remove(globalThis, "nodeBootstrap");
  const { setFlagsFromString } = engine as Engine;
  const { runInNewContext } = getBuiltin("vm") as Engine;
  return { setFlagsFromString, runInNewContext };
}

function hardenProcess(process: Process): void {
  const { Readable } = process.getBuiltinModule("stream") as typeof import("node:stream");
  defineProperty(process.argv, 0, dataDescriptor(RUNTIME_NAME, true));
  defineProperty(process.argv, 1, dataDescriptor(MAIN_PATH, true));
  // Drops the arguments of the bootstrap.
  defineProperty(process.argv, "length", dictionary<unknown>({ value: 2 }));
  describeUser(process);
  // Packages read `process.env.NODE_ENV` when they load. The real one throws without the permission.
  lock(process, "env", {});
  // The real one carries the replies to host calls.
  lock(process, "stdin", Readable.from([]));
  process.execPath = RUNTIME_NAME;
}
