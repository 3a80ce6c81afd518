/**
 * Wrappers of functions that report a use while a script is observed. In all else they are what they wrap: the script,
 * and every invocation of its template, keeps them.
 */
import { anonymous, getterOf } from "../anonymous.ts";
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

/** Takes uses. Each is named as its author writes it, such as `Math.random`. */
export interface Observer {
  /** A value that differs between invocations is read. */
  readonly reading: (called: string) => void;
  /** No fork could go on with what is used: does not return. */
  readonly unforkable: (called: string) => void;
  /** A timer was made, or a promise of one. */
  readonly timer: (called: string, made: unknown) => void;
}
export type Use = keyof Observer;

/** Primordials for the functions below, which cannot use imports. */
const TOOLS = {
  apply,
  construct,
  defineProperty,
  getFormat: WeakMap.prototype.get,
  setFormat: WeakMap.prototype.set,
  formats: new WeakMap<object, object>(),
  getOwnPropertyDescriptor,
  /** Throws for what is no file. */
  lastModifiedOf: getterOf<File, number>(File.prototype, "lastModified"),
  /** Of the function that a formatter gives. */
  formatProperties: [
    ["name", dictionary<unknown>({ value: "" })],
    ["length", dictionary<unknown>({ value: 1 })],
  ] as const,
};

/** Where uses are reported, for the functions below. */
const notes = anonymous((apply: typeof Reflect.apply) => {
  const state: { observer: Observer | undefined } = { observer: undefined };
  /** Whether a function runs whose call is noted: what the function reads itself is no use of the script. */
  let isNoted = false;
  const note = (called: string, use: "reading" | "unforkable") => {
    if (state.observer !== undefined && !(isNoted && use === "reading")) {
      state.observer[use](called);
    }
  };
  return {
    state,
    note,
    /** Notes a call and makes it. */
    call: (
      called: string,
      use: "reading" | "unforkable",
      original: AnyFunction,
      self: unknown,
      args: unknown[],
    ): unknown => {
      note(called, use);
      if (state.observer === undefined || isNoted) return apply(original, self, args);
      isNoted = true;
      try {
        return apply(original, self, args);
      } finally {
        isNoted = false;
      }
    },
  };
})(apply);

const wrap = anonymous((tools: typeof TOOLS, { state, note, call }: typeof notes) => {
  const { apply, defineProperty, getFormat, setFormat, formats, lastModifiedOf } = tools;
  const [[name, ofName], [length, ofLength]] = tools.formatProperties;
  const isFile = (value: unknown): boolean => {
    try {
      lastModifiedOf(value as File);
      return true;
    } catch {
      return false;
    }
  };
  /** Calls that use something only with some arguments. */
  const isUse = {
    /** Without a time, the function takes that of now. */
    format: (args: unknown[]) => args.length === 0 || args[0] === undefined,
    /** A form makes a file with the time of now of a Blob. */
    append: ({ 1: value }: unknown[]) =>
      typeof value === "object" && value !== null && !isFile(value),
  };
  const noteTimer = (called: string, made: unknown): unknown => {
    if (state.observer !== undefined) state.observer.timer(called, made);
    return made;
  };
  /** Methods, because these have no prototype. */
  const wrap = {
    call: (original: AnyFunction, called: string, use: Use): AnyFunction =>
      ({
        wrapper(...args: unknown[]) {
          return use === "timer"
            ? noteTimer(called, apply(original, this, args))
            : call(called, use, original, this, args);
        },
      }).wrapper,
    constructible: (original: AnyFunction, called: string, use: Use): AnyFunction =>
      function (this: unknown, ...args: unknown[]) {
        return use === "timer"
          ? noteTimer(called, apply(original, this, args))
          : call(called, use, original, this, args);
      },
    callWith: (original: AnyFunction, called: string, kind: keyof typeof isUse): AnyFunction =>
      ({
        wrapper(...args: unknown[]) {
          if (state.observer !== undefined && isUse[kind](args)) note(called, "reading");
          return apply(original, this, args);
        },
      }).wrapper,
    /** A getter that gives each object a function of its own, always the same. */
    formatGetter: (get: AnyFunction, called: string): AnyFunction =>
      ({
        wrapper() {
          const format = apply(get, this, []) as AnyFunction;
          let made = apply(getFormat, formats, [format]);
          if (made === undefined) {
            made = wrap.callWith(format, called, "format");
            defineProperty(made, name, ofName);
            defineProperty(made, length, ofLength);
            apply(setFormat, formats, [format, made]);
          }
          return made;
        },
      }).wrapper,
    constant: (value: unknown): AnyFunction => ({ wrapper: () => value }).wrapper,
  };
  return wrap;
})(TOOLS, notes);

const traps = anonymous((tools: typeof TOOLS, { state, note }: typeof notes) => {
  const { construct, getOwnPropertyDescriptor } = tools;
  type Traps = Pick<ProxyHandler<AnyFunction>, "apply" | "construct">;
  return {
    /** Without arguments a date is that of now. */
    date: (called: string): Traps => ({
      apply(target: AnyFunction, self: unknown, args: unknown[]) {
        note(called, "reading");
        return tools.apply(target, self, args);
      },
      construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
        if (args.length === 0) note(`new ${called}`, "reading");
        return construct(target, args, newTarget) as object;
      },
    }),
    /** Without a time of its own a file has that of now. */
    file: (called: string): Traps => ({
      construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
        const options = state.observer === undefined ? undefined : args[2];
        const time = typeof options === "object" && options !== null
          ? getOwnPropertyDescriptor(options, "lastModified")?.value
          : undefined;
        if (time === undefined) note(`new ${called}`, "reading");
        return construct(target, args, newTarget) as object;
      },
    }),
    connection: (called: string): Traps => ({
      construct(target: AnyFunction, args: unknown[], newTarget: AnyFunction) {
        note(`new ${called}`, "unforkable");
        return construct(target, args, newTarget) as object;
      },
    }),
  };
})(TOOLS, notes);

/** Begins to report uses, or ends it. */
export function reportUses(observer: Observer | undefined): void {
  notes.state.observer = observer;
}

/** Wrappers by what they wrap, and by themselves: what is one function remains one. */
const known = new WeakMap<AnyFunction, AnyFunction>();

/**
 * Gives a wrapper all properties of what it wraps. Functions among them are wrapped, too.
 * @param called of what it wraps; without it nothing more is wrapped
 */
export function disguise(
  wrapper: AnyFunction,
  original: AnyFunction,
  called: string,
  use: Use = "reading",
): AnyFunction {
  setPrototypeOf(wrapper, getPrototypeOf(original));
  for (const key of ownKeys(original)) {
    const { value, get, ...rest } = getOwnPropertyDescriptor(original, key) as PropertyDescriptor;
    // Such as `process.hrtime.bigint` and what `util.promisify` gives.
    const nested = typeof key === "string" ? `${called}.${key}` : called;
    const part = key === "prototype"
      ? { value }
      : get === undefined
      ? { value: watched(value, nested, use) }
      : {
        get: disguise(
          wrap.constant(watched(apply(get, original, []), nested, use)),
          get,
          nested,
          use,
        ),
      };
    defineProperty(wrapper, key, dictionary<unknown>({ ...rest, ...part }));
  }
  return wrapper;
}

/** A function that reports each of its calls. Call this before user code. Other values are returned unchanged. */
export function watched<Value>(value: Value, called: string, use: Use = "reading"): Value {
  if (typeof value !== "function") return value;
  const original = value as unknown as AnyFunction;
  let wrapper = known.get(original);
  if (wrapper === undefined) {
    const isConstructible = getOwnPropertyDescriptor(original, "prototype") !== undefined;
    wrapper = isConstructible
      ? wrap.constructible(original, called, use)
      : wrap.call(original, called, use);
    known.set(original, wrapper).set(wrapper, wrapper);
    disguise(wrapper, original, called, use);
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
  const called = "Intl.DateTimeFormat.format";
  replacePart(prototype, "format", (get) => disguise(wrap.formatGetter(get, called), get, called));
  watchCalls(prototype, "formatToParts", `${called}ToParts`, "format");
}

/** Watches the calls of a method with arguments of a kind. */
export function watchCalls(
  target: object,
  key: string,
  called: string,
  kind: Parameters<typeof wrap.callWith>[2],
): void {
  replacePart(
    target,
    key,
    (original) => disguise(wrap.callWith(original, called, kind), original, called),
  );
}

/** Replaces a global class by one that reports when it makes an object. */
export function watchClass(key: string, kind: keyof typeof traps): void {
  const original = (globalThis as unknown as Record<string, AnyFunction>)[key];
  const { enumerable } = getOwnPropertyDescriptor(globalThis, key) ?? {};
  if (original === undefined) return;
  const handler = dictionary<unknown>({ ...traps[kind](key) }) as ProxyHandler<AnyFunction>;
  const value = new ProxyOf(original, handler);
  const descriptor = { value, writable: true, configurable: true };
  defineProperty(original.prototype, "constructor", dictionary<unknown>(descriptor));
  defineProperty(globalThis, key, dictionary<unknown>({ ...descriptor, enumerable }));
}
