/** Requests and errors in the form of OAuth 2.0. */
import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { OAuthError } from "../../domain/identity/mod.ts";
import { type RawBody, Reply } from "../operation.ts";

export const FORM = "application/x-www-form-urlencoded";
/** A request holds two ids and a signature. Small, because strangers send it: such a body takes no budget. */
const REQUEST_BYTES_MAX = 16 * 1024;

export const oauthError = {
  "application/json": z.object({ error: z.string(), error_description: z.string() }),
};

/** A parameter of every request for a token; it may be repeated. */
export const resource = z.string().optional().openapi({
  description: "A URL of this server (RFC 8707); others are rejected with invalid_target",
});

/** The form of a request. Errors have the form of RFC 6749, section 5.2. @throws OAuthError */
export async function readForm(body: RawBody): Promise<URLSearchParams> {
  if (body.mediaType !== FORM) throw new OAuthError("invalid_request", `the body must be ${FORM}`);
  try {
    const bytes = await body.read(REQUEST_BYTES_MAX, "of a token request");
    return new URLSearchParams(new TextDecoder().decode(bytes));
  } catch (error) {
    throw error instanceof DomainError ? new OAuthError("invalid_request", error.message) : error;
  }
}

/** The answer to too many requests. */
export function tooManyRequests(waitSeconds: number, description: string): Reply {
  const error = { error: "temporarily_unavailable", error_description: description };
  return Reply.json(error, { "Retry-After": String(Math.ceil(waitSeconds)) }, 429);
}
