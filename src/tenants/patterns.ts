/** Patterns of operations, such as `user.*`: which operations of a tenant a function may call. */
import type { OperationName } from "./contract.ts";

/** `*`, or a namespace and a method with at most one `*` in each, so that matching never backtracks far. */
const PATTERN = /^(?:\*|[A-Za-z0-9]*\*?[A-Za-z0-9]*\.[A-Za-z0-9]*\*?[A-Za-z0-9]*)$/;
const PATTERN_CHARS_MAX = 128;

/** What a pattern looks like, for errors. */
export const PATTERN_FORM =
  `must be an operation of sdk such as apps.list, or a pattern such as user.*, with at most one * ` +
  `before and after the dot, and at most ${PATTERN_CHARS_MAX} characters`;

/** Whether a text has the form of a pattern. */
export function isPattern(text: string): boolean {
  return text.length <= PATTERN_CHARS_MAX && PATTERN.test(text) &&
    text.split(".").every((part) => part !== "");
}

/** Whether one of the patterns allows an operation. */
export function allows(
  patterns: readonly string[],
  { namespace, method }: OperationName,
): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    const [ofNamespace = "", ofMethod = ""] = pattern.split(".");
    return matches(ofNamespace, namespace) && matches(ofMethod, method);
  });
}

function matches(part: string, name: string): boolean {
  const [begin = "", end] = part.split("*");
  if (end === undefined) return name === part;
  return name.length >= begin.length + end.length && name.startsWith(begin) && name.endsWith(end);
}
