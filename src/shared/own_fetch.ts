/** A handler named `fetch` that hides the global `fetch` in its module: what builds warn of, and errors explain. */

/** What helps against it. */
export const OWN_FETCH_HELP = "call globalThis.fetch, or make the handler a method: " +
  "export default { async fetch(request, env, context) { ... } }";

/** The explanation of an error of such a handler. */
export const OWN_FETCH = "fetch called itself, as it hides the global fetch in its module: " +
  OWN_FETCH_HELP;

/** A frame of a constant or function in the author's files; the bundler adds numbers. A method has its object before it. */
const FETCH_FRAME = /^ {4}at (?:async )?(fetch\d*) \((?!npm:)/;

/**
 * Whether a handler has called itself in place of the global `fetch`: until the stack ended, or with a URL in place of a
 * request. A method is not meant: `this.fetch(request)` is written on purpose.
 * @param name of the error @param frames of its stack, as `formatFrame` of `stack.ts` prints them
 */
export function calledOwnFetch(name: string, frames: readonly string[]): boolean {
  if (name !== "RangeError" && name !== "TypeError") return false;
  const names = frames.flatMap((frame) => FETCH_FRAME.exec(frame)?.[1] ?? []);
  return new Set(names).size < names.length;
}
