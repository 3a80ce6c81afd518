/**
 * Observes a script while a template evaluates it. All invocations start from the state that the evaluation leaves, so
 * the script must not use anything that differs between invocations: random numbers, the clock, timers, the network.
 * Host calls and secrets are observed where they are made.
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
import { replacePart, reportUses, watchClass, watched, watchFormats } from "./watch.ts";

/** The functions of an object that are observed; all of them without names. */
interface Observed {
  readonly target: object;
  readonly names?: RegExp;
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
  /^(?:hrtime|uptime|cpuUsage|threadCpuUsage|memoryUsage|resourceUsage|availableMemory|constrainedMemory)$/;
const PERFORMANCE_NAMES = /^(?:now|mark|measure|timerify|eventLoopUtilization|toJSON)$/;
const TIMER_NAMES = /^(?:setTimeout|setInterval|setImmediate)$/;
/** What makes realms: these have functions of their own, which are not observed. */
const REALM_NAMES = /^(?:createContext|runInNewContext)$/;

/** Begins the observation. Returns what ends it. */
export type Observe = (report: () => never) => () => void;

function replace({ target, names = /./ }: Observed): void {
  for (const key of ownKeys(target)) {
    if (typeof key !== "string" || key === "constructor" || !names.test(key)) continue;
    // Some are made by their getters.
    const value = watched(untyped(target, key));
    const { configurable, enumerable } = getOwnPropertyDescriptor(target, key) ?? {};
    if (configurable !== true || typeof value !== "function") continue;
    const descriptor = { value, writable: true, configurable, enumerable };
    defineProperty(target, key, dictionary<unknown>(descriptor));
  }
}

/** Prepares the observation, in the zygote. */
export function makeObserver(parts: NodeParts): Observe {
  const { crypto, net, process, timers, timersPromises, vm } = parts;
  // Modules of Node keep these functions, so they are replaced before the modules are loaded as ECMAScript.
  replace({ target: crypto, names: CRYPTO_NAMES });
  for (const [key, names] of CRYPTO_CLASSES) {
    const { prototype } = untyped(crypto, key) as { readonly prototype: object };
    replace({ target: prototype, names });
  }
  replace({ target: process, names: PROCESS_NAMES });
  for (const target of [timers, timers.promises, timersPromises, globalThis]) {
    replace({ target, names: TIMER_NAMES });
  }
  replace({ target: getPrototypeOf(timersPromises.scheduler) as object });
  replace({ target: boundarySource });
  replace({ target: vm, names: REALM_NAMES });
  replace({ target: vm.Script.prototype, names: REALM_NAMES });
  return (report) => {
    replace({ target: Crypto.prototype, names: /^(?:getRandomValues|randomUUID)$/ });
    replace({ target: SubtleCrypto.prototype });
    replace({ target: Math, names: /^random$/ });
    replace({ target: Date, names: /^now$/ });
    replace({ target: Performance.prototype, names: PERFORMANCE_NAMES });
    replacePart(Performance.prototype, "timeOrigin", watched);
    watchFormats(Intl.DateTimeFormat.prototype);
    replace({ target: Deno, names: /^memoryUsage$/ });
    replace({ target: Temporal.Now });
    replace({ target: AbortSignal, names: /^timeout$/ });
    replace({ target: Atomics, names: /^waitAsync$/ });
    // The HTTP client that the first request makes keeps the network of this process.
    replace({ target: globalThis, names: /^fetch$/ });
    replace({ target: net.Socket.prototype, names: /^connect$/ });
    watchClass("WebSocket", "anyObject");
    watchClass("EventSource", "anyObject");
    watchClass("PerformanceMark", "anyObject");
    // It has the time at which it is made.
    watchClass("File", "anyObject");
    watchClass("Date", "date");
    reportUses(report);
    return () => reportUses(undefined);
  };
}
