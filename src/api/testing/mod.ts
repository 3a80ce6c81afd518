import type { Operation } from "../operation.ts";
import { runTests } from "./run_tests.ts";

/** Run the tests of functions. */
export const TEST_OPERATIONS: readonly Operation[] = [runTests];
