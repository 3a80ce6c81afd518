/** What is wrong with a field that a client or a person wrote: the rule, and then the value. */
import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { countOf, formatCount } from "./units.ts";

/** Characters of a value that a violation shows. */
const SHOWN_CHARS_MAX = 200;

const KINDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "a boolean",
  array: "an array",
  object: "an object",
  record: "an object",
};

/** Options of `safeParse` for {@link violationOf}: the rules in these words, and issues with their values. */
export const VIOLATION_OPTIONS = { error: ruleOf, reportInput: true } as const;

/**
 * The violation of a field, from an issue of `safeParse` with {@link VIOLATION_OPTIONS}. A value is shown if no secret can be in
 * it: lengths, kinds, and values of which a rule lists all.
 */
export function violationOf(issue: z.core.$ZodIssue): string {
  const { message } = issue;
  if (issue.input === undefined && isAboutValue(issue)) {
    return message.startsWith("is missing") ? message : `is missing; it ${message}`;
  }
  const value = valueOf(issue);
  return value === undefined ? message : `${message}; it ${value}`;
}

/** The violation of what is too long or too large. @param format an amount with its unit */
export function exceeds(has: number, limit: number, format: (amount: number) => string): string {
  return `must have at most ${format(limit)}; it has ${format(has)}`;
}

/** A number of characters, for {@link exceeds}. */
export function characters(count: number): string {
  return countOf(count, "character");
}

/** A value in quotes, cut to {@link SHOWN_CHARS_MAX}. */
export function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, SHOWN_CHARS_MAX));
}

/** The violation of an object with a field that it cannot have. @param names of the fields that it can have */
export function unknownMember([first = ""]: readonly string[], names: readonly string[]): string {
  const likely = nearest(first, names);
  const hint = likely === undefined ? "" : `; did you mean ${likely}?`;
  return `has no ${quoted(first)}, but ${names.join(", ")}${hint}`;
}

/** The rule that an issue breaks, for schemas without their own message. */
function ruleOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? "is missing"
        : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.join(", ")}`;
    case "too_big":
      return atMost(Number(issue.maximum), issue.origin);
    case "too_small":
      return isSized(issue.origin) && Number(issue.minimum) === 1 ? "must not be empty" : undefined;
    case "invalid_key":
      return issue.issues[0]?.message;
    case "unrecognized_keys":
      return `has no field ${issue.keys.map(quoted).join(", ")}`;
    default:
      return undefined;
  }
}

function atMost(maximum: number, origin: string): string {
  if (origin === "string") return `must have at most ${characters(maximum)}`;
  if (origin === "array") return `must have at most ${entries(maximum)}`;
  return `must be at most ${formatCount(maximum)}`;
}

function entries(count: number): string {
  return countOf(count, "entry", "entries");
}

function isSized(origin: string): boolean {
  return origin === "string" || origin === "array";
}

/** Whether an issue without a value means that the field is missing. */
function isAboutValue({ code }: z.core.$ZodIssue): boolean {
  return code === "invalid_type" || code === "invalid_value" || code === "invalid_union";
}

/** The value, as a continuation of "it"; undefined if it is not to be shown. */
function valueOf({ code, input }: z.core.$ZodIssue): string | undefined {
  switch (code) {
    case "invalid_type":
      return `is ${kindOf(input)}`;
    case "invalid_value":
    case "invalid_union":
    case "invalid_format":
      return `is ${isPlain(input) ? shown(input) : kindOf(input)}`;
    case "too_big":
      if (typeof input === "string") return `has ${characters(input.length)}`;
      return Array.isArray(input) ? `has ${entries(input.length)}` : `is ${String(input)}`;
    default:
      return undefined;
  }
}

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function shown(value: string | number | boolean): string {
  return typeof value === "string" ? quoted(value) : String(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "boolean" ? String(value) : KINDS[typeof value] ?? typeof value;
}
