/**
 * Built-in functions of the language, captured before user code is parsed.
 *
 * Invariant: after user code has started, the runtime calls only these. It uses no method call on a built-in prototype,
 * no `for...of`, no spread and no array destructuring, because user code may have replaced what those look up.
 */

// deno-lint-ignore no-explicit-any -- the type of "any function" in a conditional type
type AnyFunction = (...args: any[]) => unknown;

const {
  apply,
  construct,
  defineProperty,
  deleteProperty,
  get: getProperty,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ownKeys,
  setPrototypeOf,
} = Reflect;
export {
  apply,
  construct,
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  getProperty,
  getPrototypeOf,
  ownKeys,
  setPrototypeOf,
};

/** Turns a method into a function that takes `this` first and that user code cannot change. */
export function uncurry<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): (self: This, ...args: Args) => Result {
  return (self, ...args) => apply(method, self, args);
}

/** A method of one object, as a function that user code cannot change. */
function uncurryThis<This, Result>(self: This, method: (this: This) => Result): () => Result {
  return () => apply(method, self, []);
}

/** The getter of an accessor property, as a function that takes the object. */
function getter(prototype: object, key: PropertyKey): (self: unknown) => unknown {
  const get = getOwnPropertyDescriptor(prototype, key)?.get as AnyFunction;
  return (self) => apply(get, self, []);
}

const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype) as object;

export const { stringify: jsonStringify, parse: jsonParse } = JSON;
export const { isArray } = Array;
export const { isView } = ArrayBuffer;
export const { create: createObject, prototype: objectPrototype } = Object;
export const { prototype: responsePrototype } = Response;
export const StringOf = String;
export const TypeErrorOf = TypeError;
export const PromiseOf = Promise;
export const ProxyOf = Proxy;
export const ErrorOf = Error;
export const Bytes = Uint8Array;
export const evaluate = globalThis.eval;
export const decodeUri = decodeURIComponent;

export const slice = uncurry(String.prototype.slice);
export const indexOf = uncurry(
  String.prototype.indexOf as (this: string, search: string) => number,
);
export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const promiseThen = Promise.prototype.then;
export const bind = uncurry(
  Function.prototype.bind as (this: () => unknown, self: unknown, ...args: unknown[]) => unknown,
);

export const setBytes = uncurry(
  Uint8Array.prototype.set as (this: Uint8Array, from: Uint8Array, offset: number) => void,
);
export const byteOffset = getter(typedArrayPrototype, "byteOffset") as (b: Uint8Array) => number;
/** `Uint8Array` and so on; undefined for what is no typed array. */
export const typedArrayName = getter(typedArrayPrototype, Symbol.toStringTag) as (
  value: unknown,
) => string | undefined;
export const byteLength = getter(typedArrayPrototype, "byteLength") as (b: Uint8Array) => number;
export const bufferOf = getter(typedArrayPrototype, "buffer") as (b: Uint8Array) => ArrayBuffer;

export const { assign, freeze } = Object;

/** A frozen object without a prototype, so that only its own keys are found. */
export function dictionary<Value>(
  entries: Record<string, Value>,
): Readonly<Record<string, Value | undefined>> {
  return freeze(assign(createObject(null), entries));
}

/** The descriptor of a data property. `Object.prototype` does not affect it. */
export function dataDescriptor(value: unknown, changeable: boolean): PropertyDescriptor {
  return dictionary<unknown>({ value, writable: changeable, configurable: changeable });
}

/** The descriptor of a property as an assignment makes it. `Object.prototype` does not affect it. */
export function plainDescriptor(value: unknown): PropertyDescriptor {
  return dictionary<unknown>({ value, writable: true, enumerable: true, configurable: true });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encodeMethod = uncurry(TextEncoder.prototype.encode);
const decodeMethod = uncurry(
  TextDecoder.prototype.decode as (this: TextDecoder, bytes: Uint8Array) => string,
);
/** Text to UTF-8. */
export const encode = (text: string): Uint8Array => encodeMethod(encoder, text);
/** UTF-8 to text. */
export const decode = (bytes: Uint8Array): string => decodeMethod(decoder, bytes);

/** Blocks the thread until the element is changed and notified, or the time in milliseconds is over. */
export const waitFor = Atomics.wait;

/** Milliseconds of a monotonic clock. */
export const now = uncurryThis(performance, performance.now);

export const eventReason = getter(PromiseRejectionEvent.prototype, "reason");
export const eventError = getter(ErrorEvent.prototype, "error");
export const preventDefault = uncurry(Event.prototype.preventDefault);

const { stdin, stdout, stderr } = Deno;
const { read, readSync } = stdin;
const { writeSync } = stdout;
const { writeSync: writeErrorSync } = stderr;
/** Deno looks up the length of what it reads into, and user code may have replaced its getter. */
function ownLength(into: Uint8Array): Uint8Array {
  defineProperty(into, "length", dataDescriptor(byteLength(into), false));
  return into;
}
/** Blocking read from stdin; null at its end. */
export const readStdin = (into: Uint8Array): number | null =>
  apply(readSync, stdin, [ownLength(into)]);
/** Read from stdin that does not block; null at its end. */
export const readStdinLater = (into: Uint8Array): Promise<number | null> =>
  apply(read, stdin, [ownLength(into)]) as Promise<number | null>;
/** Blocking write to stdout; returns the number of bytes written. */
export const writeStdout = (bytes: Uint8Array): number => apply(writeSync, stdout, [bytes]);
/** Blocking write to stderr; returns the number of bytes written. */
export const writeStderr = (bytes: Uint8Array): number => apply(writeErrorSync, stderr, [bytes]);
export const exit = Deno.exit;
