import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { getLogger } from "@logtape/logtape";
import { asDomainError, statusAnswer } from "../api/status.ts";
import { DomainError } from "../domain/errors.ts";
import { OAuthError } from "../domain/identity/mod.ts";
import type { Env } from "./env.ts";
import { type RequestContext, requestContextOf } from "./request_context.ts";

const logger = getLogger(["invoked", "http"]);

/** Status of a request whose client is gone; only the log shows it. */
export const CLIENT_GONE = 499;

/** The value of `WWW-Authenticate` for an error of authentication. */
export type Challenge = (error: DomainError, context: RequestContext) => string;

/** The answer to an error. */
interface ErrorAnswer {
  readonly status: ContentfulStatusCode | typeof CLIENT_GONE;
  readonly headers: Readonly<Record<string, string>>;
  /** A JSON value; undefined for an answer that no client reads. */
  readonly body: unknown;
}

/**
 * The answer to an error that a handler or middleware threw; no other code turns errors into HTTP.
 * @param challenge undefined where access tokens are no way to authenticate
 */
export function errorAnswer(
  error: Error,
  context: RequestContext,
  challenge?: Challenge,
): ErrorAnswer {
  if (isCutRequest(error)) {
    logger.debug("the client went away before its request was whole", { error });
    return { status: CLIENT_GONE, headers: {}, body: undefined };
  }
  if (error instanceof OAuthError) {
    const { status, error: code, description, retryAfterSeconds } = error;
    const headers = {
      ...status === 401 ? { "WWW-Authenticate": 'Basic realm="invoked"' } : {},
      ...retryAfter(retryAfterSeconds),
    };
    return { status, headers, body: { error: code, error_description: description } };
  }
  const isRejectedByHono = error instanceof HTTPException && error.status < 500;
  return statusErrorAnswer(
    isRejectedByHono ? new DomainError("BODY_NOT_JSON", error.message) : asDomainError(error),
    context,
    challenge,
  );
}

/** Answers an error with Hono, see {@link errorAnswer}. */
export function answerError(error: Error, c: Context<Env>, challenge?: Challenge): Response {
  const { status, headers, body } = errorAnswer(error, requestContextOf(c), challenge);
  if (status === CLIENT_GONE) return new Response(null, { status });
  for (const name in headers) c.header(name, headers[name]);
  return c.json(body as object, status);
}

/** What `node:http` throws into the reader of a request whose client goes away. */
function isCutRequest(error: Error): boolean {
  return "code" in error && error.code === "ECONNRESET" && error.message === "aborted";
}

function statusErrorAnswer(
  error: DomainError,
  context: RequestContext,
  challenge: Challenge = () => 'Bearer realm="invoked"',
): ErrorAnswer {
  const { status, body } = statusAnswer(error);
  const isUnauthenticated = error.code === "UNAUTHENTICATED";
  const headers = {
    ...isUnauthenticated ? { "WWW-Authenticate": challenge(error, context) } : {},
    // RFC 9110, section 15.5.6. Webhooks alone answer by their method.
    ...error.reason === "METHOD_NOT_ALLOWED" ? { "Allow": "POST" } : {},
    ...retryAfter(error.retryAfterSeconds),
  };
  return { status, headers, body };
}

function retryAfter(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { "Retry-After": String(seconds) };
}
