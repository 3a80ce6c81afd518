/**
 * Removes what Deno's permissions do not cover: threads, storage that outlives the invocation, engine internals, and
 * paths of the server.
 *
 * Runs before user code is parsed. Deno's static deny flags isolate files, network, environment, subprocesses
 * and FFI; the runtime closes only what they leave open.
 */
import { anonymous } from "./anonymous.ts";
import { wrapFetch } from "./fetch.ts";
import { wrapBodies } from "./form_bodies.ts";
import type { Core } from "./fork/threads.ts";
import { noteStderr } from "./stderr.ts";
import { addErrorCodes } from "./system.ts";
import {
  createObject,
  dataDescriptor,
  defineProperty,
  deleteProperty,
  dictionary,
  ErrorOf,
  ownKeys,
  setPrototypeOf,
  StringOf,
} from "./primordials.ts";

/** Paths that a function sees instead of paths of the server. */
const MAIN_URL = "file:///main.js";
export const MAIN_PATH = "/main.js";
export const RUNTIME_NAME = "deno";

const REMOVED_GLOBALS = [
  "Worker",
  // Storage without a permission that outlives the invocation.
  "localStorage",
  "sessionStorage",
  "Storage",
  "caches",
  "Cache",
  "CacheStorage",
  "BroadcastChannel",
  "LockManager",
  "Lock",
  // Need a terminal.
  "alert",
  "confirm",
  "prompt",
  // Loads graphics drivers.
  "OffscreenCanvas",
  "ImageBitmapRenderingContext",
  "createImageBitmap",
] as const;

/** Defines a value that cannot be replaced. */
export function lock(target: object, key: PropertyKey, value: unknown): void {
  if (defineProperty(target, key, dataDescriptor(value, false))) return;
  throw new ErrorOf(`${StringOf(key)} cannot be replaced`);
}

/** Removes a property if it exists. */
export function remove(target: object, key: PropertyKey): void {
  if (!deleteProperty(target, key)) lock(target, key, undefined);
}

/** Reads an untyped internal. */
export function untyped(target: object, key: PropertyKey): unknown {
  return (target as Record<PropertyKey, unknown>)[key];
}

/** The class of Deno's `console`: `print` receives a formatted text and a level from 0 to 3. */
export type ConsoleClass = new (print: (text: string, level: number) => void) => Console;

/**
 * Sockets of Deno. The kernel denies all of them but unix sockets. The permissions deny unix sockets, except for those
 * with abstract names, on which other processes of the machine may listen.
 */
const REMOVED_SOCKETS = [
  "connect",
  "connectTls",
  "startTls",
  "listen",
  "listenTls",
  "listenDatagram",
  "serve",
  "serveHttp",
  "upgradeWebSocket",
  "createHttpClient",
  "HttpClient",
  "connectQuic",
  "upgradeWebTransport",
  "QuicEndpoint",
  "openKv",
  // Also answers from the machine's hosts file.
  "resolveDns",
] as const;

/** Those that wait for connections of others. */
const LISTENERS = dictionary({
  listen: true,
  listenTls: true,
  listenDatagram: true,
  serve: true,
  serveHttp: true,
  upgradeWebSocket: true,
});

const unavailable = anonymous((key: string, instead: string, ErrorOf: ErrorConstructor) => () => {
  throw new ErrorOf(`Deno.${key} is not available in a function: ${instead}`);
});

function insteadOf(key: string): string {
  if (LISTENERS[key]) {
    return "a function cannot listen on a port; `export default { fetch }` answers HTTP requests";
  }
  return key === "openKv"
    ? "use a volume or a database server"
    : "use fetch, WebSocket or node:net";
}

interface Internals {
  readonly Console: ConsoleClass;
  readonly core: Core;
  /** The source of paths and arguments in `node:process`, read when it loads. */
  readonly __nodeBootstrapArgs: { argv0: string; denoArgs: string[] };
}

/** An empty stdin. The real one carries the replies to host calls. */
const makeEmptyStdin = anonymous(() => ({
  read: () => Promise.resolve(null),
  readSync: () => null,
  close() {},
  isTerminal: () => false,
  setRaw() {},
  get readable() {
    return new ReadableStream({ start: (controller) => controller.close() });
  },
}));

/** Hardens this process and returns the internals that the bootstrap needs. */
export function harden(): { readonly ConsoleOf: ConsoleClass; readonly core: Core } {
  const internalKey = untyped(Deno, "internal") as symbol;
  const internals = untyped(Deno, internalKey) as Internals;
  internals.__nodeBootstrapArgs.argv0 = RUNTIME_NAME;
  internals.__nodeBootstrapArgs.denoArgs = [];
  // The engine reads and writes properties of it, in which accessors of `Object.prototype` would see it.
  setPrototypeOf(internals, null);

  lock(Deno, "mainModule", MAIN_URL);
  lock(Deno, "args", []);
  lock(Deno, "stdin", makeEmptyStdin());
  noteStderr(Deno.stderr);
  lock(Deno, "execPath", () => RUNTIME_NAME);
  // As in a container. A fork would show the id of its zygote.
  lock(Deno, "pid", 1);
  lock(Deno, "ppid", 0);
  const { core } = internals;
  remove(internals, "core");
  remove(Deno, internalKey);
  remove(Deno, "internal");
  for (const key of REMOVED_GLOBALS) remove(globalThis, key);
  for (const key of REMOVED_SOCKETS) {
    lock(Deno, key, unavailable(key, insteadOf(key), ErrorOf));
  }
  for (const key of ownKeys(globalThis)) {
    if (typeof key === "string" && key.startsWith("GPU")) remove(globalThis, key);
  }
  addErrorCodes();
  wrapFetch();
  wrapBodies();
  for (const key of ["gpu", "locks", "storage"]) remove(Navigator.prototype, key);
  return { ConsoleOf: internals.Console, core };
}

/** Replaces `import.meta` for a function. Through its `invoked` the modules of `sdk/` reach the invocation. */
export function importMeta(invoked: object): object {
  const meta = createObject(null);
  lock(meta, "invoked", invoked);
  meta.url = MAIN_URL;
  meta.main = false;
  meta.filename = MAIN_PATH;
  meta.dirname = "/";
  return meta;
}
