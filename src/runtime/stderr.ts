/**
 * Notes whether the function may have written to stderr. Then the server waits for a mark there before it takes the answer
 * for complete. What a function writes past these accessors, such as a warning of the runtime, has arrived before the
 * answer unless the server is behind; the mark makes that sure.
 */
import { anonymous } from "./anonymous.ts";
import { apply, defineProperty, dictionary, getOwnPropertyDescriptor } from "./primordials.ts";

const { state, noting } = anonymous((apply: typeof Reflect.apply) => {
  const state = { isTouched: false };
  /** Methods, because these have no prototype. */
  const noting = (get: (this: unknown) => unknown) =>
    ({
      get() {
        state.isTouched = true;
        return apply(get, this, []);
      },
    }).get;
  return { state, noting };
})(apply);

/** Forgets who has asked for stderr so far: the runtime, before the code of the function is loaded. */
export function beginNoting(): void {
  state.isTouched = false;
}

/** Whether the function has asked for stderr since its code was loaded, in this process or in its template. */
export function hasTouchedStderr(): boolean {
  return state.isTouched;
}

/** Makes the property `stderr` of an object, which can be replaced as before, note that somebody reads it. */
export function noteStderr(target: object): void {
  const { value, get, set, enumerable = true } = getOwnPropertyDescriptor(target, "stderr") ?? {};
  const descriptor = {
    get: noting(get ?? (() => value)),
    set: set ?? function (this: object, replaced: unknown) {
      defineProperty(
        this,
        "stderr",
        dictionary<unknown>({ value: replaced, writable: true, enumerable, configurable: true }),
      );
    },
    enumerable,
    configurable: true,
  };
  defineProperty(target, "stderr", dictionary<unknown>(descriptor));
}
