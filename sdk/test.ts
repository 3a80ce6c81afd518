/**
 * `@c1/test` as `main.test.ts` imports it. An assertion is recorded and the test goes on, whether it holds or
 * not: a run tells all that is wrong, and not the first thing alone.
 */
import type { JSONObject } from "./functions_sdk.ts";
import { type Assert, register } from "./test_registry.ts";

export type { Assert } from "./test_registry.ts";

/** A function under test: the default export of `main.ts`. */
export type Handler = (input: JSONObject) => JSONObject | Promise<JSONObject>;

/** What the default export of `main.test.ts` is given. */
export interface TestContext {
  /** The default export of `main.ts`. */
  readonly handler: Handler;
}

/** The default export of `main.test.ts`, where it has one: calls {@link test} for each test. */
export type RegisterTests = (context: TestContext) => void | Promise<void>;

/** Which tests run. */
export interface TestOptions {
  /** Reported as skipped, and not run. */
  readonly skip?: boolean | undefined;
  /** Where tests are marked so, the others are skipped. */
  readonly only?: boolean | undefined;
}

/**
 * Adds a test. They run one after another, in the order in which they were added. One fails where an assertion
 * does not hold, or where its body throws or rejects.
 * @throws TypeError for arguments of other types, and once the tests run
 */
export function test(
  name: string,
  body: (assert: Assert) => void | Promise<void>,
  options: TestOptions = {},
): void {
  register(name, body, { skip: options.skip === true, only: options.only === true });
}
