/**
 * Methods and getters as functions that take `this` first, for what calls user code or is called by it: on stacks of the
 * function they name no file of the server.
 */
import { anonymous } from "./anonymous.ts";
import { apply, getOwnPropertyDescriptor } from "./primordials.ts";

/** As the one of the primordials. */
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
