import { DomainError } from "../domain/errors.ts";

/** How deep the JSON of a request may nest; no request of the API needs more than a few levels. */
const DEPTH_MAX = 100;

/**
 * A JSON value as protobuf's JSON mapping reads it: without a value it is `{}`, and a member that is `null` is
 * absent. Changes the value in place.
 * @throws BODY_NOT_JSON where it nests too deep
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
      `The body nests deeper than the limit of ${DEPTH_MAX} levels`,
    );
  }
  for (const [key, member] of Object.entries(value)) {
    if (member === null && !Array.isArray(value)) delete (value as Record<string, unknown>)[key];
    else dropNulls(member, depth + 1);
  }
}
