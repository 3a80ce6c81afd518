/**
 * `@c1/test` as `main.test.ts` imports it. A failed assertion is recorded and does not end the test: a run reports all
 * of them.
 */
import type { CallContext } from "./handler.ts";
import type { JSONObject } from "./json.ts";
import { declare, register } from "./test_registry.ts";
import type { Assert, Handler, TestSetup } from "./test_types.ts";

export type * from "./test_types.ts";

/** The argument of the default export of `main.test.ts`. */
export interface TestContext {
  /** The default export of `main.ts`. Without a second argument it gets no context. */
  readonly handler: (
    input: JSONObject,
    context?: Partial<CallContext>,
  ) => JSONObject | Promise<JSONObject>;
}

/** The optional default export of `main.test.ts`: it calls {@link test} for each test. */
export type RegisterTests = (context: TestContext) => void | Promise<void>;

/** Which tests run. */
export interface TestOptions {
  /** Reported as skipped, and not run. */
  readonly skip?: boolean | undefined;
  /** If a test has this option, the tests without it are skipped. */
  readonly only?: boolean | undefined;
}

/**
 * Adds a test. Tests run one after another, in the order in which they were added. A test fails if an assertion fails,
 * or its body throws or rejects.
 * @throws TypeError for arguments of other types, and once the tests run
 */
export function test(
  name: string,
  body: (assert: Assert) => void | Promise<void>,
  options: TestOptions = {},
): void {
  register(name, body, { skip: options.skip === true, only: options.only === true });
}

/**
 * Declares what the tests have besides the code, before they run. Its fields win over those of `tests` in
 * `invoked.json`; what `main.ts` needs while it loads must be declared there.
 * @throws TypeError for arguments of other types, a second time, and once the tests run
 */
export function registerTests<H = Handler>(setup: TestSetup<H>): void {
  declare(setup, registerTests);
}
