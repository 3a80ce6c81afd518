import { DomainError } from "../domain/errors.ts";

/** Nested levels of the JSON of a request; no request of the API needs more than a few. */
const DEPTH_MAX = 100;

/**
 * A JSON value as protobuf's JSON mapping reads it: without a value it is `{}`, and a member that is `null` is
 * absent. Changes the value in place.
 * @throws BODY_NOT_JSON if it exceeds {@link DEPTH_MAX}
 */
export function normalizeJson(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  dropNulls(value, 0);
  return value;
}

function dropNulls(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > DEPTH_MAX) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `Cannot read the body as JSON: it exceeds the limit of ${DEPTH_MAX} nested levels`,
    );
  }
  for (const [key, member] of Object.entries(value)) {
    if (member === null && !Array.isArray(value)) delete (value as Record<string, unknown>)[key];
    else dropNulls(member, depth + 1);
  }
}
