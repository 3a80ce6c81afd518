import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { getLogger } from "@logtape/logtape";
import { asDomainError, statusAnswer } from "../api/status.ts";
import { DomainError } from "../domain/errors.ts";
import { OAuthError } from "../domain/identity/mod.ts";
import type { Env } from "./env.ts";

const logger = getLogger(["invoked", "http"]);

/** Status of a request whose client is gone; only the log shows it. */
export const CLIENT_GONE = 499;

/** The value of `WWW-Authenticate` for an error of authentication. */
export type Challenge = (error: DomainError, c: Context<Env>) => string;

/**
 * Answers an error that a handler or middleware threw; no other code turns errors into HTTP.
 * @param challenge undefined where access tokens are no way to authenticate
 */
export function answerError(error: Error, c: Context<Env>, challenge?: Challenge): Response {
  if (isCutRequest(error)) {
    logger.debug("the client went away before its request was whole", { error });
    return new Response(null, { status: CLIENT_GONE });
  }
  if (error instanceof OAuthError) {
    if (error.status === 401) c.header("WWW-Authenticate", 'Basic realm="invoked"');
    if (error.retryAfterSeconds !== undefined) {
      c.header("Retry-After", String(error.retryAfterSeconds));
    }
    return c.json({ error: error.error, error_description: error.description }, error.status);
  }
  const isRejectedByHono = error instanceof HTTPException && error.status < 500;
  return answerStatus(
    isRejectedByHono ? new DomainError("BODY_NOT_JSON", error.message) : asDomainError(error),
    c,
    challenge,
  );
}

/** What `node:http` throws into the reader of a request whose client goes away. */
function isCutRequest(error: Error): boolean {
  return "code" in error && error.code === "ECONNRESET" && error.message === "aborted";
}

function answerStatus(
  error: DomainError,
  c: Context<Env>,
  challenge: Challenge = () => 'Bearer realm="invoked"',
): Response {
  const { status, body } = statusAnswer(error);
  if (error.code === "UNAUTHENTICATED") c.header("WWW-Authenticate", challenge(error, c));
  // RFC 9110, section 15.5.6. Webhooks alone answer by their method.
  if (error.reason === "METHOD_NOT_ALLOWED") c.header("Allow", "POST");
  if (error.retryAfterSeconds !== undefined) {
    c.header("Retry-After", String(error.retryAfterSeconds));
  }
  return c.json(body, status);
}
