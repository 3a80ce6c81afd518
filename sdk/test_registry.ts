/** The tests that `main.test.ts` adds, up to the moment in which they run. */

/** Records what a test finds. Each tells whether the assertion holds; none throws. */
export interface Assert {
  /** Holds where both are the same value (`===`). */
  equal(actual: unknown, expected: unknown, description?: string): boolean;
  /** Holds where the value is truthy. */
  ok(value: unknown, description?: string): boolean;
  /** Never holds. */
  fail(description?: string): boolean;
}

/** A test that was added. */
export interface Registered {
  readonly name: string;
  readonly body: (assert: Assert) => unknown;
  readonly skip: boolean;
  readonly only: boolean;
}

const registered: Registered[] = [];
let closed = false;

/** Keeps a test. @throws TypeError for what is none, and once {@link takeTests} was called */
export function register(
  name: string,
  body: (assert: Assert) => unknown,
  flags: { readonly skip: boolean; readonly only: boolean },
): void {
  if (typeof name !== "string") throw new TypeError("test(name, body): the name is a string");
  if (typeof body !== "function") throw new TypeError("test(name, body): the body is a function");
  if (closed) {
    throw new TypeError(
      `test(${JSON.stringify(name)}) comes too late: tests are added while main.test.ts loads, ` +
        "or by its default export before that returns or resolves",
    );
  }
  registered.push({ name, body, ...flags });
}

/** Every test, in order; no further one can be added. */
export function takeTests(): readonly Registered[] {
  closed = true;
  return registered;
}
