/** The tests that `main.test.ts` adds before they run. */

/** Records assertions. Each returns whether it passed; none throws. */
export interface Assert {
  /** Passes if both are the same value (`===`). */
  equal(actual: unknown, expected: unknown, description?: string): boolean;
  /** Passes if the value is truthy. */
  ok(value: unknown, description?: string): boolean;
  /** Never passes. */
  fail(description?: string): boolean;
}

/** An added test. */
export interface Registered {
  readonly name: string;
  readonly body: (assert: Assert) => unknown;
  readonly skip: boolean;
  readonly only: boolean;
}

const registered: Registered[] = [];
let closed = false;

/** Adds a test. @throws TypeError for invalid arguments, and after {@link takeTests} */
export function register(
  name: string,
  body: (assert: Assert) => unknown,
  flags: { readonly skip: boolean; readonly only: boolean },
): void {
  if (typeof name !== "string") throw new TypeError("Cannot add a test: its name is not a string");
  if (typeof body !== "function") {
    throw new TypeError("Cannot add a test: its body is not a function");
  }
  if (closed) {
    throw new TypeError(
      `Cannot add test ${
        JSON.stringify(name)
      }: the tests already run; add tests while main.test.ts ` +
        "loads, or in its default export before it returns or resolves",
    );
  }
  registered.push({ name, body, ...flags });
}

/** Returns every test in order; afterwards none can be added. */
export function takeTests(): readonly Registered[] {
  closed = true;
  return registered;
}
