/**
 * Takes away what Deno's permissions do not ask for: threads, storage that outlives the call, engine
 * internals, and whatever names a path of the server.
 *
 * Runs before any byte of a user's code is parsed. Deno's static deny flags are the wall for files,
 * network, environment, subprocesses and FFI; the runtime closes only what those leave open.
 */
import { anonymous } from "./anonymous.ts";
import { codeRefusals } from "./system.ts";
import {
  createObject,
  dataDescriptor,
  defineProperty,
  deleteProperty,
  ErrorOf,
  ownKeys,
  StringOf,
} from "./primordials.ts";

/** Where a function finds itself, in place of paths of the server. */
export const MAIN_URL = "file:///main.js";
export const MAIN_PATH = "/main.js";
export const RUNTIME_NAME = "deno";

const REMOVED_GLOBALS = [
  "Worker",
  // Storage that asks no permission and would outlive the call.
  "localStorage",
  "sessionStorage",
  "Storage",
  "caches",
  "Cache",
  "CacheStorage",
  "BroadcastChannel",
  "LockManager",
  "Lock",
  // A terminal that is not there.
  "alert",
  "confirm",
  "prompt",
  // Loads graphics drivers.
  "OffscreenCanvas",
  "ImageBitmapRenderingContext",
  "createImageBitmap",
] as const;

/** Puts a value where nobody can replace it. */
export function lock(target: object, key: PropertyKey, value: unknown): void {
  if (defineProperty(target, key, dataDescriptor(value, false))) return;
  throw new ErrorOf(`Cannot harden ${StringOf(key)}: it cannot be replaced`);
}

/** Removes a property that may or may not be there. */
export function remove(target: object, key: PropertyKey): void {
  if (!deleteProperty(target, key)) lock(target, key, undefined);
}

/** Reads an internal that has no type. */
export function untyped(target: object, key: PropertyKey): unknown {
  return (target as Record<PropertyKey, unknown>)[key];
}

/** The class of Deno's `console`: `print` receives a formatted text and a level from 0 to 3. */
export type ConsoleClass = new (print: (text: string, level: number) => void) => Console;

/**
 * Sockets of Deno's own. The kernel refuses all of them but unix sockets; the permissions refuse those, but do not
 * ask for ones with abstract names, by which other processes of the machine may listen.
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
  // Answers from the machine's own table of hosts as well.
  "resolveDns",
] as const;

const refuser = anonymous((key: string, ErrorOf: ErrorConstructor) => () => {
  throw new ErrorOf(`Deno.${key} is not available in a function: use fetch, WebSocket or node:net`);
});

interface Internals {
  readonly Console: ConsoleClass;
  /** What `node:process` takes its paths from once it loads. */
  readonly __nodeBootstrapArgs: { argv0: string };
}

/** What a function reads from its stdin: nothing. The real one carries the replies to host calls. */
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

/** Hardens this process for good and hands out the one internal that the bootstrap needs. */
export function harden(): ConsoleClass {
  const internalKey = untyped(Deno, "internal") as symbol;
  const internals = untyped(Deno, internalKey) as Internals;
  internals.__nodeBootstrapArgs.argv0 = RUNTIME_NAME;

  lock(Deno, "mainModule", MAIN_URL);
  lock(Deno, "args", []);
  lock(Deno, "stdin", makeEmptyStdin());
  lock(Deno, "execPath", () => RUNTIME_NAME);
  remove(internals, "core");
  remove(Deno, internalKey);
  remove(Deno, "internal");
  for (const key of REMOVED_GLOBALS) remove(globalThis, key);
  for (const key of REMOVED_SOCKETS) {
    lock(Deno, key, refuser(key, ErrorOf));
  }
  for (const key of ownKeys(globalThis)) {
    if (typeof key === "string" && key.startsWith("GPU")) remove(globalThis, key);
  }
  codeRefusals();
  for (const key of ["gpu", "locks", "storage"]) remove(Navigator.prototype, key);
  return internals.Console;
}

/**
 * What a function receives in place of `import.meta`. Its `invoked` is where the modules of `sdk/` find
 * what the server gave to this call.
 */
export function importMeta(config: object): object {
  const meta = createObject(null);
  lock(meta, "invoked", config);
  meta.url = MAIN_URL;
  meta.main = false;
  meta.filename = MAIN_PATH;
  meta.dirname = "/";
  return meta;
}
