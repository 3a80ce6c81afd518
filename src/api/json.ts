import { DomainError } from "../domain/errors.ts";

/** Nested levels of the JSON of a request; no request of the API needs more than a few. */
const DEPTH_MAX = 100;

/**
 * A JSON value as protobuf's JSON mapping reads it: without a value it is `{}`, and a member that is `null` is
 * absent, but for the input of a schedule. Changes the value in place.
 * @throws BODY_NOT_JSON if it exceeds {@link DEPTH_MAX}
 */
export function normalizeJson(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  dropNulls(value, { depth: 0, key: "", isOfFunction: false });
  return value;
}

/** @param at where the value is: how deep, below which key, and whether it is JSON of a function, which keeps it */
function dropNulls(
  value: unknown,
  { depth, key: parent, isOfFunction }: {
    readonly depth: number;
    readonly key: string;
    readonly isOfFunction: boolean;
  },
): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > DEPTH_MAX) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `Cannot read the body as JSON: it exceeds the limit of ${DEPTH_MAX} nested levels`,
    );
  }
  for (const [key, member] of Object.entries(value)) {
    if (member === null && !Array.isArray(value) && !isOfFunction) {
      delete (value as Record<string, unknown>)[key];
      continue;
    }
    const isInput = parent === "schedule" && key === "input";
    dropNulls(member, { depth: depth + 1, key, isOfFunction: isOfFunction || isInput });
  }
}
