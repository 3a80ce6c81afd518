/**
 * Observes a script while a template evaluates it. All calls start from the state that it leaves, so it must not use
 * what differs between calls: random numbers, the clock, timers. Host calls, secrets and the network are observed where
 * they are made.
 *
 * The replaced functions stay, because the script may have kept them. After the evaluation they only pass on calls.
 */
import { anonymous } from "../anonymous.ts";
import { untyped } from "../harden.ts";
import type { NodeParts } from "../node.ts";
import {
  apply,
  construct,
  dataDescriptor,
  defineProperty,
  dictionary,
  getOwnPropertyDescriptor,
  ownKeys,
  ProxyOf,
} from "../primordials.ts";

// deno-lint-ignore no-explicit-any -- the type of "any function"
type AnyFunction = (...args: any[]) => unknown;

/** The functions of an object that are observed; all of them without names. */
interface Observed {
  readonly target: object;
  readonly names?: RegExp;
}

/** Sources of random numbers in `node:crypto`. */
const CRYPTO_NAMES = /^(?:random|generate|getRandom|prng|rng|pseudoRandom|createDiffie)/;
/** What a process is asked about itself. */
const PROCESS_NAMES =
  /^(?:hrtime|uptime|cpuUsage|threadCpuUsage|memoryUsage|resourceUsage|availableMemory|constrainedMemory)$/;
const PERFORMANCE_NAMES = /^(?:now|mark|measure|timerify|eventLoopUtilization|toJSON)$/;

/** Begins the observation. Returns what ends it. */
export type Observe = (report: () => never) => () => void;

const watcher = anonymous((
  apply: typeof Reflect.apply,
  construct: typeof Reflect.construct,
) => {
  const state: { report: (() => never) | undefined } = { report: undefined };
  return {
    state,
    watch: (original: AnyFunction): AnyFunction =>
      function (this: unknown, ...args: unknown[]) {
        if (state.report !== undefined) state.report();
        return apply(original, this, args);
      },
    // Without arguments a date is that of now.
    apply(target: AnyFunction, self: unknown, args: unknown[]) {
      if (state.report !== undefined) state.report();
      return apply(target, self, args);
    },
    construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
      if (args.length === 0 && state.report !== undefined) state.report();
      return construct(target, args, newTarget);
    },
  };
});

/** Prepares the observation, in the root. */
export function makeObserver({ crypto, process }: NodeParts): Observe {
  const { state, watch, ...dateTraps } = watcher(apply, construct);
  /** Such as `process.hrtime.bigint`. */
  const watchParts = (original: object, watched: object) => {
    for (const key of ownKeys(original)) {
      const part = getOwnPropertyDescriptor(original, key)?.value;
      if (key !== "prototype" && typeof part === "function") {
        defineProperty(watched, key, dataDescriptor(watch(part as AnyFunction), true));
      }
    }
  };
  const replace = ({ target, names = /./ }: Observed) => {
    for (const key of ownKeys(target)) {
      const descriptor = getOwnPropertyDescriptor(target, key);
      if (typeof key !== "string" || key === "constructor" || !names.test(key)) continue;
      if (descriptor?.configurable !== true) continue;
      // Some globals are made by their getters.
      const value = target === globalThis ? untyped(target, key) : descriptor.value;
      if (typeof value === "function") {
        const watched = watch(value as AnyFunction);
        defineProperty(target, key, dataDescriptor(watched, true));
        watchParts(value, watched);
      }
    }
  };
  // Modules of Node keep these functions, so they are replaced before the modules are loaded as ECMAScript.
  replace({ target: crypto, names: CRYPTO_NAMES });
  return (report) => {
    replace({ target: Crypto.prototype });
    replace({ target: SubtleCrypto.prototype });
    replace({ target: Math, names: /^random$/ });
    replace({ target: Date, names: /^now$/ });
    replace({ target: Performance.prototype, names: PERFORMANCE_NAMES });
    replace({ target: process, names: PROCESS_NAMES });
    replace({ target: Deno, names: /^memoryUsage$/ });
    replace({ target: Temporal.Now });
    replace({ target: globalThis, names: /^(?:setTimeout|setInterval|setImmediate)$/ });
    const traps = dictionary<unknown>(dateTraps) as ProxyHandler<DateConstructor>;
    const observedDate = new ProxyOf(Date, traps);
    defineProperty(Date.prototype, "constructor", dataDescriptor(observedDate, true));
    defineProperty(globalThis, "Date", dataDescriptor(observedDate, true));
    state.report = report;
    return () => state.report = undefined;
  };
}
