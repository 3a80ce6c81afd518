/** Checks of what a server answers. */
import assert from "node:assert/strict";
import { type Reason, REASONS } from "../../src/domain/errors.ts";
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
  INTERNAL: [13, 500],
} as const;

/** Reasons for which HTTP has a status of its own. */
const STATUSES: Partial<Record<Reason, number>> = {
  METHOD_NOT_ALLOWED: 405,
  ETAG_MISMATCH: 412,
  WEBHOOK_TOO_LARGE: 413,
  PURGED: 410,
  RANGE_NOT_SATISFIABLE: 416,
};

interface ExpectedError {
  /** Fields of the google.rpc.BadRequest detail, in any order; without them there must be none. */
  readonly fields?: readonly string[];
  readonly message?: RegExp;
}

/**
 * Checks a google.rpc.Status with its ErrorInfo and BadRequest details.
 * @param reason whose code docs/errors.md states, which a test compares with REASONS
 * @param expected a pattern is that of the message
 */
export function assertError(
  { status, headers, body }: Answer<Json>,
  reason: Reason,
  expected: RegExp | ExpectedError = {},
): void {
  const { fields, message = /./ } = expected instanceof RegExp ? { message: expected } : expected;
  const [number, httpStatus] = CODES[REASONS[reason]];
  const expectedStatus = STATUSES[reason] ?? httpStatus;
  assert.deepEqual([status, body.code], [expectedStatus, number], JSON.stringify(body));
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

/** Checks that an answer rejects these fields, in any order, and no other. */
export function assertInvalid(
  answer: Answer<Json>,
  fields: string | readonly string[],
  message = /./,
): void {
  assertError(answer, "INVALID_FIELD", { fields: [fields].flat(), message });
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
