/**
 * Wrappers of functions that report a use while a script is observed. In all else they are what they wrap: the script,
 * and every invocation of its template, keeps them.
 */
import { anonymous } from "../anonymous.ts";
import {
  apply,
  construct,
  defineProperty,
  dictionary,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ownKeys,
  ProxyOf,
  setPrototypeOf,
} from "../primordials.ts";

// deno-lint-ignore no-explicit-any -- the type of "any function"
export type AnyFunction = (...args: any[]) => unknown;

/** Primordials for the functions below, which cannot use imports. */
const TOOLS = {
  apply,
  construct,
  defineProperty,
  getFormat: WeakMap.prototype.get,
  setFormat: WeakMap.prototype.set,
  formats: new WeakMap<object, object>(),
  /** Of the function that a formatter gives. */
  formatProperties: [
    ["name", dictionary<unknown>({ value: "" })],
    ["length", dictionary<unknown>({ value: 1 })],
  ] as const,
};

const { state, wrap, traps } = anonymous((tools: typeof TOOLS) => {
  const { apply, construct, defineProperty, getFormat, setFormat, formats } = tools;
  const [[name, ofName], [length, ofLength]] = tools.formatProperties;
  const state: { report: (() => never) | undefined } = { report: undefined };
  const use = () => {
    if (state.report !== undefined) state.report();
  };
  /** Methods, because these have no prototype. */
  const wrap = {
    call: (original: AnyFunction): AnyFunction =>
      ({
        wrapper(...args: unknown[]) {
          use();
          return apply(original, this, args);
        },
      }).wrapper,
    constructible: (original: AnyFunction): AnyFunction =>
      function (this: unknown, ...args: unknown[]) {
        use();
        return apply(original, this, args);
      },
    /** Without a time, the function takes that of now. */
    formatting: (original: AnyFunction): AnyFunction =>
      ({
        wrapper(...args: unknown[]) {
          if (args.length === 0 || args[0] === undefined) use();
          return apply(original, this, args);
        },
      }).wrapper,
    /** A getter that gives each object a function of its own, always the same. */
    formatGetter: (get: AnyFunction): AnyFunction =>
      ({
        wrapper() {
          const format = apply(get, this, []) as AnyFunction;
          let made = apply(getFormat, formats, [format]);
          if (made === undefined) {
            made = wrap.formatting(format);
            defineProperty(made, name, ofName);
            defineProperty(made, length, ofLength);
            apply(setFormat, formats, [format, made]);
          }
          return made;
        },
      }).wrapper,
    constant: (value: unknown): AnyFunction => ({ wrapper: () => value }).wrapper,
  };
  const traps = {
    /** Without arguments a date is that of now. */
    date: {
      apply(target: AnyFunction, self: unknown, args: unknown[]) {
        use();
        return apply(target, self, args);
      },
      construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
        if (args.length === 0) use();
        return construct(target, args, newTarget) as object;
      },
    },
    anyObject: {
      construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
        use();
        return construct(target, args, newTarget) as object;
      },
    },
  };
  return { state, wrap, traps };
})(TOOLS);

/** Begins to report uses, or ends it. */
export function reportUses(report: (() => never) | undefined): void {
  state.report = report;
}

/** Wrappers by what they wrap, and by themselves: what is one function remains one. */
const known = new WeakMap<AnyFunction, AnyFunction>();

/** Gives a wrapper all properties of what it wraps. Functions among them are wrapped, too. */
export function disguise(wrapper: AnyFunction, original: AnyFunction): AnyFunction {
  setPrototypeOf(wrapper, getPrototypeOf(original));
  for (const key of ownKeys(original)) {
    const { value, get, ...rest } = getOwnPropertyDescriptor(original, key) as PropertyDescriptor;
    // Such as `process.hrtime.bigint` and what `util.promisify` gives.
    const part = key === "prototype"
      ? { value }
      : get === undefined
      ? { value: watched(value) }
      : { get: disguise(wrap.constant(watched(apply(get, original, []))), get) };
    defineProperty(wrapper, key, dictionary<unknown>({ ...rest, ...part }));
  }
  return wrapper;
}

/** A function that reports each of its calls. Call this before user code. Other values are returned unchanged. */
export function watched<Value>(value: Value): Value {
  if (typeof value !== "function") return value;
  const original = value as unknown as AnyFunction;
  let wrapper = known.get(original);
  if (wrapper === undefined) {
    const isConstructible = getOwnPropertyDescriptor(original, "prototype") !== undefined;
    wrapper = isConstructible ? wrap.constructible(original) : wrap.call(original);
    known.set(original, wrapper).set(wrapper, wrapper);
    disguise(wrapper, original);
  }
  return wrapper as unknown as Value;
}

/** Replaces a method or a getter, if the object has it. */
export function replacePart(
  target: object,
  key: PropertyKey,
  replaced: (original: AnyFunction) => AnyFunction,
): void {
  const descriptor = getOwnPropertyDescriptor(target, key);
  if (descriptor === undefined) return;
  const { value, get } = descriptor;
  const part = get === undefined ? { value: replaced(value) } : { get: replaced(get) };
  defineProperty(target, key, dictionary<unknown>({ ...descriptor, ...part }));
}

/** Watches the formats of dates that are given no time. */
export function watchFormats(prototype: Intl.DateTimeFormat): void {
  replacePart(prototype, "format", (get) => disguise(wrap.formatGetter(get), get));
  replacePart(
    prototype,
    "formatToParts",
    (original) => disguise(wrap.formatting(original), original),
  );
}

/** Replaces a global class by one that reports when it makes an object. */
export function watchClass(key: string, kind: keyof typeof traps): void {
  const original = (globalThis as unknown as Record<string, AnyFunction>)[key];
  const { enumerable } = getOwnPropertyDescriptor(globalThis, key) ?? {};
  if (original === undefined) return;
  const handler = dictionary<unknown>(traps[kind]) as ProxyHandler<AnyFunction>;
  const value = new ProxyOf(original, handler);
  const descriptor = { value, writable: true, configurable: true };
  defineProperty(original.prototype, "constructor", dictionary<unknown>(descriptor));
  defineProperty(globalThis, key, dictionary<unknown>({ ...descriptor, enumerable }));
}
