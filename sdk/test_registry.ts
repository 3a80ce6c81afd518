/** What `main.test.ts` declares before its tests run. */
import type { Assert, Fixture } from "./test_types.ts";

/** The argument of `registerTests`. */
interface Setup extends Fixture {
  readonly handler?: unknown;
}

/** An added test. */
export interface Registered {
  readonly name: string;
  readonly body: (assert: Assert) => unknown;
  readonly skip: boolean;
  readonly only: boolean;
}

const registered: Registered[] = [];
let declared: Setup | undefined;
let declaredAt: TypeError | undefined;
let closed = false;

/** Adds a test. @throws TypeError for invalid arguments, and after {@link takeTests} */
export function register(
  name: string,
  body: (assert: Assert) => unknown,
  flags: { readonly skip: boolean; readonly only: boolean },
): void {
  if (typeof name !== "string") throw new TypeError("Invalid test: its name is not a string");
  if (typeof body !== "function") {
    throw new TypeError("Invalid test: its body is not a function");
  }
  if (closed) {
    throw new TypeError(
      `Test ${
        JSON.stringify(name)
      } is too late: the tests already run; add tests while main.test.ts ` +
        "loads, or in its default export before it returns or resolves",
    );
  }
  registered.push({ name, body, ...flags });
}

/**
 * Declares what the tests have, and which function they test.
 * @param caller the function that the author calls, for the stacks of errors
 * @throws TypeError for invalid arguments, a second time, and after {@link takeTests}
 */
export function declare(setup: Setup, caller: (setup: never) => void): void {
  const violation = typeof setup !== "object" || setup === null
    ? "its argument is not an object"
    : setup.handler !== undefined && typeof setup.handler !== "function"
    ? "handler is not a function"
    : closed
    ? "the tests already run; call it while main.test.ts loads"
    : declared !== undefined
    ? "it was called before"
    : undefined;
  const site = new TypeError();
  Error.captureStackTrace(site, caller);
  if (violation !== undefined) throw declarationError(violation, site);
  declared = setup;
  declaredAt = site;
}

/** The error of what {@link declare} was called with: its stack begins at the caller's call. */
export function declarationError(violation: string, site = declaredAt): TypeError {
  const error = site ?? new TypeError();
  error.message = `registerTests failed: ${violation}`;
  return error;
}

/** What {@link declare} was called with. */
export function takeSetup(): Setup {
  return declared ?? {};
}

/** Returns every test in order; afterwards none can be added. */
export function takeTests(): readonly Registered[] {
  closed = true;
  return registered;
}
