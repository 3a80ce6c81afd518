/**
 * Observes a script while a template evaluates it. All invocations start from the state that the evaluation leaves, so
 * the server needs to know where the script used anything that differs between invocations: random numbers, the clock,
 * timers, the network. Host calls, the configuration and output are observed where they are made.
 *
 * Free are functions that are not called, dates of constants, durations (`performance.now`, `process.hrtime`) and timers
 * that end while the script loads. Everything else is recorded for the server, which decides by the position. What a fork
 * could not go on with ends the evaluation.
 *
 * The replaced functions stay, because the script may have kept them. After the evaluation they only pass on calls.
 */
import { boundarySource } from "../form_bodies.ts";
import { untyped } from "../harden.ts";
import type { NodeParts } from "../node.ts";
import {
  defineProperty,
  dictionary,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ownKeys,
} from "../primordials.ts";
import { type Observation, observation } from "./readings.ts";
import type { Core } from "./threads.ts";
import {
  replacePart,
  reportUses,
  type Use,
  watchCalls,
  watchClass,
  watched,
  watchFormats,
} from "./watch.ts";

/** The functions of an object that are observed; all of them without names. */
interface Observed {
  readonly target: object;
  readonly names?: RegExp;
  /** The text before the name of a function in a record, such as `Math.`. */
  readonly prefix?: string;
  readonly use?: Use;
}

/** Sources of random numbers in `node:crypto`. */
const CRYPTO_NAMES =
  /^(?:random|generate|getRandom|prng|rng|pseudoRandom|createDiffie|publicEncrypt|encapsulate|sign$)/;
/** Its classes whose objects draw random numbers, and their methods that do. */
const CRYPTO_CLASSES = [
  ["ECDH", /^generateKeys$/],
  ["DiffieHellman", /^generateKeys$/],
  ["DiffieHellmanGroup", /^generateKeys$/],
  ["Sign", /^sign$/],
] as const;
/** What a process is asked about itself. */
const PROCESS_NAMES =
  /^(?:cpuUsage|threadCpuUsage|memoryUsage|resourceUsage|availableMemory|constrainedMemory)$/;
const TIMER_NAMES = /^(?:setTimeout|setInterval|setImmediate)$/;
/** What makes realms: these have functions of their own, which are not observed, and random numbers, which forks repeat. */
const REALM_NAMES = /^(?:createContext|runInNewContext)$/;

/** Begins the observation of one evaluation. @param stop ends the process, with a record of what the script used */
export type Observe = (stop: (record: Uint8Array) => never) => Observation;

function replace({ target, names = /./, prefix = "", use }: Observed): void {
  for (const key of ownKeys(target)) {
    if (typeof key !== "string" || key === "constructor" || !names.test(key)) continue;
    // Some are made by their getters.
    const value = watched(untyped(target, key), prefix + key, use);
    const { configurable, enumerable } = getOwnPropertyDescriptor(target, key) ?? {};
    if (configurable !== true || typeof value !== "function") continue;
    const descriptor = { value, writable: true, configurable, enumerable };
    defineProperty(target, key, dictionary<unknown>(descriptor));
  }
}

/** Prepares the observation, in the zygote. */
export function makeObserver(parts: NodeParts, core: Core): Observe {
  const { crypto, net, process, timers, timersPromises, vm } = parts;
  // Modules of Node keep these functions, so they are replaced before the modules are loaded as ECMAScript.
  replace({ target: crypto, names: CRYPTO_NAMES, prefix: "crypto." });
  for (const [key, names] of CRYPTO_CLASSES) {
    const { prototype } = untyped(crypto, key) as { readonly prototype: object };
    replace({ target: prototype, names, prefix: `crypto.${key}.` });
  }
  replace({ target: process, names: PROCESS_NAMES, prefix: "process." });
  const promised = { prefix: "timers/promises.", use: "timer" } as const;
  for (const target of [timersPromises, timers.promises]) {
    replace({ target, names: TIMER_NAMES, ...promised });
  }
  const scheduler = getPrototypeOf(timersPromises.scheduler) as object;
  replace({ target: scheduler, ...promised, prefix: `${promised.prefix}scheduler.` });
  for (const target of [timers, globalThis]) {
    replace({ target, names: TIMER_NAMES, use: "timer" });
  }
  boundarySource.fill = watched(boundarySource.fill, "FormData boundary");
  const realms = { names: REALM_NAMES, use: "unforkable" } as const;
  replace({ target: vm, prefix: "vm.", ...realms });
  replace({ target: vm.Script.prototype, prefix: "vm.Script.", ...realms });
  return (stop) => {
    replaceGlobals();
    // The HTTP client that the first request makes keeps the network of this process.
    replace({ target: globalThis, names: /^fetch$/, use: "unforkable" });
    replace({
      target: net.Socket.prototype,
      names: /^connect$/,
      prefix: "net.Socket.",
      use: "unforkable",
    });
    watchClass("WebSocket", "connection");
    watchClass("EventSource", "connection");
    // Timers that nothing clears.
    replace({
      target: AbortSignal,
      names: /^timeout$/,
      prefix: "AbortSignal.",
      use: "unforkable",
    });
    replace({ target: Atomics, names: /^waitAsync$/, prefix: "Atomics.", use: "unforkable" });
    const begun = observation(core, stop, () => reportUses(undefined));
    reportUses(begun.observer);
    return begun;
  };
}

/** Replaces what is read of the clock and of random numbers without Node. */
function replaceGlobals(): void {
  const random = /^(?:getRandomValues|randomUUID)$/;
  replace({ target: Crypto.prototype, names: random, prefix: "crypto." });
  replace({ target: SubtleCrypto.prototype, prefix: "crypto.subtle." });
  replace({ target: Math, names: /^random$/, prefix: "Math." });
  replace({ target: Date, names: /^now$/, prefix: "Date." });
  replace({ target: Performance.prototype, names: /^toJSON$/, prefix: "performance." });
  replacePart(
    Performance.prototype,
    "timeOrigin",
    (get) => watched(get, "performance.timeOrigin"),
  );
  watchFormats(Intl.DateTimeFormat.prototype);
  replace({ target: Deno, names: /^memoryUsage$/, prefix: "Deno." });
  replace({ target: Temporal.Now, prefix: "Temporal.Now." });
  replace({ target: URL, names: /^createObjectURL$/, prefix: "URL." });
  watchClass("File", "file");
  watchClass("Date", "date");
  // These make files.
  for (const key of ["append", "set"]) {
    watchCalls(FormData.prototype, key, `FormData.${key}`, "append");
  }
  replace({ target: Request.prototype, names: /^formData$/, prefix: "Request." });
  replace({ target: Response.prototype, names: /^formData$/, prefix: "Response." });
}
