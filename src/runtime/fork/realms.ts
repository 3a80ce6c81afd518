/**
 * Realms that `node:vm` makes. V8 seeds the random numbers of a realm from a generator that forks copy, so all forks
 * would draw the same ones. Each realm gets a generator of its own instead, which starts from numbers of its fork.
 */
import { anonymous } from "../anonymous.ts";
import { apply } from "../primordials.ts";
import type { Vm } from "../script.ts";
import { type AnyFunction, disguise, replacePart } from "./watch.ts";

/**
 * Runs in a new realm, and uses nothing of another: an object of this one would lead out of the realm. Leaves a `Math` of
 * the function as it is.
 */
function replaceRandomWith(a: number, b: number, c: number, d: number): void {
  // The global `Object` may be one of the function.
  const { defineProperty, getPrototypeOf } = ({}).constructor as ObjectConstructor;
  if (getPrototypeOf(Math.random) !== getPrototypeOf(() => {})) return;
  /** A step of the generator sfc32. */
  const word = () => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const { random } = {
    // 53 bits, as V8 gives.
    random: () => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992,
  };
  defineProperty(Math, "random", {
    value: random,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

/** The functions that make realms, as they are replaced. */
const makeWrappers = anonymous((
  vm: Vm,
  random: () => number,
  /** Gives `replaceRandomWith` of the realm in which it runs. */
  script: object,
  apply: typeof Reflect.apply,
) => {
  const { createContext, isContext, runInNewContext, constants: { DONT_CONTEXTIFY } } = vm;
  const { runInContext, runInNewContext: runScript } = vm.Script.prototype;
  const seed = () => (random() * 0x1_0000_0000) | 0;
  const isNew = (object: unknown) =>
    object === undefined || object === DONT_CONTEXTIFY ||
    (((typeof object === "object" && object !== null) || typeof object === "function") &&
      !isContext(object));
  const create = (args: unknown[]): object => {
    const wasNew = isNew(args.length === 0 ? undefined : args[0]);
    const context = apply(createContext, undefined, args);
    if (!wasNew) return context;
    try {
      const replace = apply(runInContext, script, [context]) as () => void;
      apply(replace, undefined, [seed(), seed(), seed(), seed()] as never);
    } catch {
      // A proxy of the function is behind the global object of this realm, and rejects it.
    }
    return context;
  };
  /** The options of a realm among those of a run. */
  const optionsOf = (options: Record<string, unknown> | undefined) => ({
    name: options?.contextName,
    origin: options?.contextOrigin,
    codeGeneration: options?.contextCodeGeneration,
    microtaskMode: options?.microtaskMode,
  });
  const contextFor = (object: unknown, options: unknown) => {
    if (!isNew(object)) return object;
    try {
      return create([object, optionsOf(options as Record<string, unknown>)]);
    } catch {
      // The replaced function rejects them, too, and names them as they are.
      return object;
    }
  };
  return {
    createContext: (...args: unknown[]) => create(args),
    runInNewContext: (code: unknown, object: unknown, options: unknown) =>
      apply(runInNewContext, vm, [code, contextFor(object, options), options]),
    runScript(this: unknown, object: unknown, options: unknown) {
      return apply(runScript, this, [contextFor(object, options), options]);
    },
  };
});

/**
 * Replaces the functions of `node:vm` that make realms, in the zygote.
 * @param random what each fork draws different numbers from
 */
export function replaceRealms(vm: Vm, random: () => number): void {
  const { Script } = vm;
  const script = new Script(`(${replaceRandomWith})`, { filename: "node:function" });
  const made = makeWrappers(vm, random, script, apply);
  const replace = (target: object, key: string, wrapper: AnyFunction, called: string) =>
    replacePart(target, key, (original) => disguise(wrapper, original, called));
  replace(vm, "createContext", made.createContext, "vm.createContext");
  replace(vm, "runInNewContext", made.runInNewContext, "vm.runInNewContext");
  replace(Script.prototype, "runInNewContext", made.runScript, "vm.Script.runInNewContext");
}
