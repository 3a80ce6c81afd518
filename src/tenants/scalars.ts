/**
 * Scalars of C1's API by kind, in requests and answers: the forms that C1's SDK 1.2.2 accepts. It takes any text for a 64-bit
 * integer and makes NaN of it, which is an error here; but a number, which it rejects, is an integer, too.
 */
import type { Kind } from "./operation_table.ts";

type Scalar = Exclude<Exclude<Kind, { of: Kind } | { id: string }>["is"], "json" | "typed">;

/** RFC 3339 with optional seconds. Date.parse alone accepts other forms, such as a year. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;
/** Longest text of a time. */
const TIME_MAX_CHARS = 64;
const INTEGER_TEXT = /^-?\d{1,20}$/;

const RULES: Readonly<
  Record<Scalar, { readonly label: string; readonly accepts: (value: unknown) => boolean }>
> = {
  text: { label: "text", accepts: (value) => typeof value === "string" },
  flag: { label: "true or false", accepts: (value) => typeof value === "boolean" },
  integer: { label: "an integer", accepts: Number.isInteger },
  number: { label: "a number", accepts: (value) => typeof value === "number" },
  time: {
    label: "a time such as 2026-01-02T03:04:05Z",
    accepts: (value) =>
      typeof value === "string" && value.length <= TIME_MAX_CHARS && TIME.test(value) &&
      !Number.isNaN(Date.parse(value)),
  },
  long: { label: "the text of an integer", accepts: isIntegerText },
  longNumber: {
    label: "an integer",
    accepts: (value) => Number.isInteger(value) || isIntegerText(value),
  },
};

function isIntegerText(value: unknown): boolean {
  return typeof value === "string" && INTEGER_TEXT.test(value);
}

/** What the value should have been, such as `an integer`; undefined for a value of this kind. */
export function expectedOf(kind: Scalar, value: unknown): string | undefined {
  const { label, accepts } = RULES[kind];
  return accepts(value) ? undefined : label;
}
