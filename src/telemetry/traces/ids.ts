/**
 * The ids of the spans of an invocation. Every id follows from the invocation's id: whoever sends a span again, or sends
 * its child from another node, names the same span.
 */

/** The spans beside that of the invocation and those in which its code runs; calls count from `call` on. */
export const SPAN = { attempt: 1, request: 2, wait: 3, phase: 4, call: 16 } as const;

const HEAD_DIGITS = 4;

/**
 * An id beside another one: the xor of a number and of the first bits. The last bits differ between the attempts of an
 * invocation, so no two spans of an invocation share an id.
 * @param of the id of the invocation's span, or of the span in which an attempt runs
 * @param number below 65,536; not 0
 */
export function spanIdBeside(of: string, number: number): string {
  const head = parseInt(of.slice(0, HEAD_DIGITS), 16) ^ number;
  return head.toString(16).padStart(HEAD_DIGITS, "0") + of.slice(HEAD_DIGITS);
}
