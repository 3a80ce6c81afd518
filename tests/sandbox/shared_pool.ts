/** One pool with the default limits, for steps that need no other: each of their modules registers its own. */
import { sandboxSuite } from "./harness.ts";

export const step = sandboxSuite("invocations of one pool");
