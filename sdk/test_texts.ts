/** Values as the results of tests show them. */
import { TEXT_MAX_UNITS } from "./test_limits.ts";

/** A primitive as `String` shows it, an object as JSON, at most {@link TEXT_MAX_UNITS} long. */
export function show(value: unknown): string {
  if (typeof value === "function") return cut(`[Function ${value.name}]`);
  if (typeof value !== "object" || value === null) return cut(String(value));
  try {
    return cut(JSON.stringify(value) ?? Object.prototype.toString.call(value));
  } catch {
    return tagOf(value);
  }
}

/** The name and message of an error, or another value. */
export function showThrown(value: unknown): string {
  return value instanceof Error ? cut(`${value.name}: ${value.message}`) : show(value);
}

/** The tag of an object; a proxy may throw even here. */
function tagOf(value: object): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return "[object]";
  }
}

export function cut(text: string, units: number = TEXT_MAX_UNITS): string {
  return String(text).slice(0, units);
}
