import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { getLogger } from "@logtape/logtape";
import { DomainError, type ErrorCode, type Reason, REASONS } from "../domain/errors.ts";
import { OAuthError } from "../domain/identity/mod.ts";

const logger = getLogger(["invoked", "http"]);

type Status = 400 | 401 | 403 | 404 | 409 | 412 | 416 | 429 | 500 | 503;

/** Number of google.rpc.Code and HTTP status of every code, as googleapis' `code.proto` pairs them. */
export const CODES: Readonly<
  Record<ErrorCode, { readonly number: number; readonly status: Status }>
> = {
  INVALID_ARGUMENT: { number: 3, status: 400 },
  OUT_OF_RANGE: { number: 11, status: 400 },
  FAILED_PRECONDITION: { number: 9, status: 400 },
  UNAUTHENTICATED: { number: 16, status: 401 },
  PERMISSION_DENIED: { number: 7, status: 403 },
  NOT_FOUND: { number: 5, status: 404 },
  ALREADY_EXISTS: { number: 6, status: 409 },
  RESOURCE_EXHAUSTED: { number: 8, status: 429 },
  INTERNAL: { number: 13, status: 500 },
  UNAVAILABLE: { number: 14, status: 503 },
};

/** Of google.rpc.Code's CANCELLED. Nobody hears it; it is for the log of requests. */
const CLIENT_GONE = 499;

/** Where HTTP has a status of its own for what went wrong, clients of files know that and not google.rpc.Code. */
const STATUSES: Partial<Record<Reason, Status>> = {
  ETAG_MISMATCH: 412,
  RANGE_NOT_SATISFIABLE: 416,
};

/** The HTTP status of an error. */
export function statusOf(reason: Reason): Status {
  return STATUSES[reason] ?? CODES[REASONS[reason]].status;
}

/** Answers whatever a handler threw; the one place where errors become HTTP. */
export function answerError(error: Error, c: Context): Response {
  if (isCutRequest(error)) {
    logger.debug("the client went away before its request was whole", { error });
    return new Response(null, { status: CLIENT_GONE });
  }
  if (error instanceof OAuthError) {
    if (error.status === 401) c.header("WWW-Authenticate", 'Basic realm="invoked"');
    return c.json({ error: error.error, error_description: error.description }, error.status);
  }
  return answerStatus(asDomainError(error), c);
}

/** What `node:http` throws into the reader of a request whose client goes away. */
function isCutRequest(error: Error): boolean {
  return "code" in error && error.code === "ECONNRESET" && error.message === "aborted";
}

/** An error as google.rpc.Status in protobuf's JSON mapping, with the HTTP status that belongs to it. */
export interface StatusAnswer {
  readonly status: Status;
  readonly body: { readonly code: number; readonly message: string; readonly details: unknown[] };
}

/** What a caller is told of an error; of one that is no {@link DomainError} no more than that the server failed. */
export function asDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    return new DomainError("BODY_NOT_JSON", error.message);
  }
  logger.error("Cannot answer the request", { error });
  return new DomainError(
    "INTERNAL",
    "The server failed; its log has the reason under this Request-Id",
  );
}

function answerStatus(error: DomainError, c: Context): Response {
  const { status, body } = statusAnswer(error);
  if (error.code === "UNAUTHENTICATED") c.header("WWW-Authenticate", challenge(error));
  if (error.retryAfterSeconds !== undefined) {
    c.header("Retry-After", String(error.retryAfterSeconds));
  }
  return c.json(body, status);
}

/** How an error is answered, but for headers. */
export function statusAnswer(error: DomainError): StatusAnswer {
  const { number } = CODES[error.code];
  const status = statusOf(error.reason);
  const details: unknown[] = [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: error.reason,
      domain: "invoked",
    },
  ];
  if (error.violations.length > 0) {
    details.unshift({
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: error.violations,
    });
  }
  return { status, body: { code: number, message: error.message, details } };
}

/** RFC 6750, section 3: a request without a token learns the scheme, a wrong token what is wrong. */
function challenge(error: DomainError): string {
  return error.reason === "TOKEN_MISSING"
    ? 'Bearer realm="invoked"'
    : `Bearer realm="invoked", error="invalid_token", error_description="${error.message}"`;
}
