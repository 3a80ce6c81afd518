/** Numbers, durations, enum values, lines and paths as fields have them. */
import type { OneOf } from "../../../../src/resources/field.ts";

const SECONDS_IN: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
};
const SPELLED = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** What a duration's field says of its form. */
export const DURATION_HINT = "Write durations as 500ms, 30s, 5m, 2h or 30d";

/** A duration for the API, in seconds such as `90s`; what is not understood stays as it was typed. */
export function durationIn(text: string): string {
  const typed = text.trim();
  if (typed === "") return "0s";
  const [, amount, unit = ""] = SPELLED.exec(typed) ?? [];
  if (amount === undefined) return typed;
  // Rounded to what a duration of the API can have: milliseconds.
  return `${Math.round(Number(amount) * (SECONDS_IN[unit] ?? 1) * 1_000) / 1_000}s`;
}

/** A duration of the API in its largest whole unit; absent and zero are empty. */
export function durationText(duration: string | undefined): string {
  const seconds = Number(/^(\d+(?:\.\d+)?)s$/.exec(duration ?? "")?.[1] ?? 0);
  if (seconds === 0) return "";
  for (const unit of ["d", "h", "m", "s"]) {
    const amount = seconds / (SECONDS_IN[unit] ?? 1);
    if (Number.isInteger(amount)) return `${amount}${unit}`;
  }
  return seconds < 1 ? `${Math.round(seconds * 1_000)}ms` : `${seconds}s`;
}

/** A number as it was typed; an empty field is the default. */
export function numberIn(text: string): string | number {
  return text.trim() === "" ? 0 : text.trim();
}

/** A number of the API as text; the default is empty. */
export function numberText(value: number | undefined): string {
  return value === undefined || value === 0 ? "" : String(value);
}

/** Whether two values of a form are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The options of an enum. */
export function optionsOf({ labels }: Pick<OneOf, "labels">) {
  return Object.entries(labels).map(([value, label]) => ({ value, label }));
}

/** The lines of a text, without spaces around them and without empty ones. */
export function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** Why a path cannot be that of a new file; undefined if it can. The server checks it again. */
export function pathViolation(path: string, taken: readonly string[]): string | undefined {
  if (path === "") return "Enter a path, such as lib/text.ts";
  if (path.startsWith("/") || path.endsWith("/")) {
    return "The path must not start or end with a slash";
  }
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "Each part between slashes must be a name, not empty, . or ..";
  }
  if (taken.includes(path)) return `The function already has a file ${path}`;
  return undefined;
}
