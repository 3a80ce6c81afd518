/** What `throws` and `rejects` accept. */
import { isDeepStrictEqual } from "node:util";
import { show } from "./test_texts.ts";

/** Whether a thrown value is what the matcher describes. */
export function matches(thrown: unknown, matcher: unknown): boolean {
  switch (typeof matcher) {
    case "undefined":
      return true;
    case "string":
      return messageOf(thrown).includes(matcher);
    case "function":
      return fulfils(thrown, matcher);
    case "object":
      if (matcher instanceof RegExp) return String(thrown).search(matcher) >= 0;
      return matcher !== null && hasProperties(thrown, matcher);
    default:
      return false;
  }
}

/** What the matcher describes, in words. */
export function describeMatcher(matcher: unknown): string {
  switch (typeof matcher) {
    case "undefined":
      return "an error";
    case "string":
      return `an error with the message ${JSON.stringify(matcher)}`;
    case "function":
      return isErrorClass(matcher)
        ? `an error of class ${matcher.name}`
        : `an error that ${matcher.name || "the function"} accepts`;
    default:
      return matcher instanceof RegExp
        ? `an error that matches ${matcher}`
        : `an error with ${show(matcher)}`;
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whether a value is an instance of the class, or the function returns `true` for it. */
// deno-lint-ignore ban-types -- a class or any function
function fulfils(thrown: unknown, matcher: Function): boolean {
  if (matcher.prototype !== undefined && thrown instanceof matcher) return true;
  if (isErrorClass(matcher)) return false;
  try {
    return matcher(thrown) === true;
  } catch {
    // Such as a class that has no instance here.
    return false;
  }
}

// deno-lint-ignore ban-types -- a class or any function
function isErrorClass(matcher: Function): boolean {
  return matcher === Error || Object.prototype.isPrototypeOf.call(Error, matcher);
}

/** Objects inside of the matcher are compared by their own properties alone, too. */
function hasProperties(thrown: unknown, matcher: object): boolean {
  const actual = Object(thrown) as Record<string, unknown>;
  return Object.entries(matcher).every(([name, expected]) => {
    const value = actual[name];
    if (expected instanceof RegExp && typeof value === "string") return value.search(expected) >= 0;
    return isPlainObject(expected)
      ? hasProperties(value, expected)
      : isDeepStrictEqual(value, expected);
  });
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
