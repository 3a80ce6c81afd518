/** Checks of what a server answers. */
import assert from "node:assert/strict";
import type { Answer, Json } from "./client.ts";

/** Number and HTTP status of the codes, as googleapis' `code.proto` pairs them. */
const CODES = {
  INVALID_ARGUMENT: [3, 400],
  OUT_OF_RANGE: [11, 400],
  FAILED_PRECONDITION: [9, 400],
  UNAUTHENTICATED: [16, 401],
  PERMISSION_DENIED: [7, 403],
  NOT_FOUND: [5, 404],
  ALREADY_EXISTS: [6, 409],
  RESOURCE_EXHAUSTED: [8, 429],
  UNIMPLEMENTED: [12, 501],
  UNAVAILABLE: [14, 503],
  DEADLINE_EXCEEDED: [4, 504],
  DATA_LOSS: [15, 500],
} as const;

interface ExpectedError {
  /** Fields of the google.rpc.BadRequest detail, in any order; without them there must be none. */
  readonly fields?: readonly string[];
  readonly message?: RegExp;
  /** Where HTTP has a status of its own for it. */
  readonly status?: number;
}

/** Checks a google.rpc.Status with its ErrorInfo and BadRequest details. */
export function assertError(
  { status, headers, body }: Answer<Json>,
  code: keyof typeof CODES,
  reason: string,
  { fields, message = /./, status: ownStatus }: ExpectedError = {},
): void {
  const [number, httpStatus] = CODES[code];
  const expected = [ownStatus ?? httpStatus, number];
  assert.deepEqual([status, body.code], expected, JSON.stringify(body));
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(Object.keys(body).sort(), ["code", "details", "message"]);
  assert.match(body.message, message);
  assert.deepEqual(detail(body, "ErrorInfo"), {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "invoked",
  });
  if (fields === undefined) return;
  const violations: { field: string; description: string }[] =
    detail(body, "BadRequest")?.fieldViolations ?? [];
  assert.deepEqual(violations.map(({ field }) => field).sort(), [...fields].sort());
  for (const { description } of violations) assert.notEqual(description, "");
}

function detail(body: Json, type: string): Json {
  return body.details.find((d: Json) => d["@type"] === `type.googleapis.com/google.rpc.${type}`);
}

/** Checks that an answer is 200 and gives its body. */
export function ok({ status, body }: Answer<Json>): Json {
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** A function that does nothing, as the smallest commit. */
export const MAIN = "export default () => ({});\n";

export const KSUID = /^[0-9A-Za-z]{27}$/;
export const RFC3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The limits in force without settings and flags. */
export const DEFAULT_LIMITS = {
  timeout: "60s",
  cpuTimeout: "30s",
  memoryMib: 128,
  maxConcurrency: 32,
};
