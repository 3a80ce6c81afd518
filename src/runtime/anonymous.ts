/** Keeps paths of the server from the stacks that a function can look at. */
import { evaluate } from "./primordials.ts";

/**
 * The same function, made anew from its text, so that its frames on a stack name no file of the server. It may use its
 * parameters and globals and nothing else. For functions of the runtime that call, or are called by, code of the
 * user. Use it only while modules load: later, text may be poisoned.
 */
// deno-lint-ignore no-explicit-any -- the type of "any function"
export function anonymous<Made extends (...args: any[]) => unknown>(made: Made): Made {
  return evaluate(`(${made})\n//# sourceURL=node:function`) as Made;
}
