/** Promise reactions that user code cannot intercept. */
import { apply, dataDescriptor, defineProperty, PromiseOf, promiseThen } from "./primordials.ts";

type Reaction = (value: never) => unknown;

const NO_SPECIES = dataDescriptor(undefined, false);

/** `promise.then` without a species that user code could set. */
export function react(
  promise: Promise<unknown>,
  done: unknown,
  failed?: Reaction,
): Promise<unknown> {
  defineProperty(promise, "constructor", NO_SPECIES);
  return apply(promiseThen, promise, [done, failed]) as Promise<unknown>;
}

/** A promise that is resolved with the value, without a look-up that user code could change. */
export function resolved(value?: unknown): Promise<unknown> {
  return new PromiseOf((resolve) => resolve(value));
}
