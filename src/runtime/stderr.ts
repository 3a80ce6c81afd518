/**
 * Notes whether the function may have written to stderr. Then the server waits for a mark there before it takes the answer
 * for complete. `process.stderr` writes to the same object. What the engine itself prints, and what a function writes to
 * the bare descriptor, has arrived before the answer unless the server is behind.
 */
import { anonymous } from "./anonymous.ts";
import {
  apply,
  defineProperty,
  dictionary,
  getOwnPropertyDescriptor,
  getPrototypeOf,
} from "./primordials.ts";

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

const { state, noting } = anonymous((apply: typeof Reflect.apply) => {
  const state = { isTouched: false };
  /** A method, because these have no prototype. */
  const noting = (original: AnyMethod): AnyMethod =>
    ({
      write(...args: unknown[]) {
        state.isTouched = true;
        return apply(original, this, args);
      },
    }).write;
  return { state, noting };
})(apply);

/** Forgets who has written to stderr so far: the runtime, before the code of the function is loaded. */
export function beginNoting(): void {
  state.isTouched = false;
}

/** Whether the function may have written to stderr since its code was loaded, in this process or in its template. */
export function hasTouchedStderr(): boolean {
  return state.isTouched;
}

/** Makes the ways to write to stderr, and to close it, note that they are used. @param stderr the object that `Deno.stderr` is */
export function noteStderr(stderr: object): void {
  const prototype = getPrototypeOf(stderr) as object;
  for (const key of ["write", "writeSync", "close"]) {
    const value = noting(getOwnPropertyDescriptor(prototype, key)?.value as AnyMethod);
    defineProperty(
      stderr,
      key,
      dictionary<unknown>({ value, writable: true, enumerable: false, configurable: true }),
    );
  }
  const get = noting(getOwnPropertyDescriptor(prototype, "writable")?.get as AnyMethod);
  defineProperty(
    stderr,
    "writable",
    dictionary<unknown>({ get, enumerable: false, configurable: true }),
  );
}
