import { duration, integer, toggle } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Limits of a run of tests, besides the limits of every invocation, and of the type check. */
export const TEST_SETTINGS = {
  timeoutMs: setting("test-timeout", duration({ min: "10ms", max: "1d" }), {
    default: "10s",
    description: "Wall-clock time of one test; a run of tests has the time of one invocation",
  }),
  maxTests: setting("max-tests", integer({ min: "1", max: "100000" }), {
    default: "1000",
    description: "Number of tests in one commit",
  }),
  maxAssertions: setting("max-assertions", integer({ min: "1", max: "1000000" }), {
    default: "10000",
    description: "Number of assertions in one test run",
  }),
  checkTypes: setting("check-types", toggle(), {
    default: "true",
    description: "Check the types of every commit in the background, once it is finalized",
  }),
} satisfies Rows;
