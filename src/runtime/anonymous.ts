/**
 * Functions that user code calls, or that call user code: on stacks that a function can read they name no file of the
 * server.
 */
import { apply, evaluate, getOwnPropertyDescriptor } from "./primordials.ts";

/**
 * Evaluates the function again from its text, so that its stack frames name no file of the server. It is strict, as its
 * module is. It can use only its parameters and globals. For functions of the runtime that call user code or are called by it. Call this only while
 * modules load: later user code may have changed what it uses.
 */
// deno-lint-ignore no-explicit-any -- the type of "any function"
export function anonymous<Made extends (...args: any[]) => unknown>(made: Made): Made {
  return evaluate(`"use strict";(${made})\n//# sourceURL=node:function`) as Made;
}

/**
 * Methods as functions that take `this` first. As the one of the primordials, for what calls user code or is called by it.
 */
export const uncurry = anonymous(
  (apply: typeof Reflect.apply) =>
  <This, Args extends unknown[], Result>(method: (this: This, ...args: Args) => Result) =>
  (self: This, ...args: Args): Result => apply(method, self, args),
)(apply);

/** The getter of an accessor property of a prototype. */
export function getterOf<This, Value>(prototype: This, key: keyof This): (self: This) => Value {
  const get = getOwnPropertyDescriptor(prototype as object, key)?.get;
  return uncurry(get as (this: This) => Value);
}
