/** Hides paths of the server from the stacks that a function can read. */
import { evaluate } from "./primordials.ts";

/**
 * Evaluates the function again from its text, so that its stack frames name no file of the server. It is strict, as its
 * module is. It can use only its parameters and globals. For functions of the runtime that call user code or are called by it. Call this only while
 * modules load: later user code may have changed what it uses.
 */
// deno-lint-ignore no-explicit-any -- the type of "any function"
export function anonymous<Made extends (...args: any[]) => unknown>(made: Made): Made {
  return evaluate(`"use strict";(${made})\n//# sourceURL=node:function`) as Made;
}
