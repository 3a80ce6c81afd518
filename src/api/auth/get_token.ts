import { formatCount } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { OAuthError, type TokenGrant } from "../../domain/identity/mod.ts";
import { type RawBody, rawOperation, Reply, type Uses } from "../operation.ts";

const FORM = "application/x-www-form-urlencoded";
/** A token request holds two ids and a signature. Small, because strangers send it: such a body takes no budget. */
const TOKEN_REQUEST_BYTES_MAX = 16 * 1024;

const tokenForm = z.object({
  grant_type: z.enum([
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
  ]),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: z.string().optional(),
  client_assertion: z.string().optional(),
  subject_token: z.string().optional().openapi({ description: "Of a workload's provider" }),
  subject_token_type: z.string().optional(),
});
const tokenAnswer = {
  "application/json": z.object({
    access_token: z.string(),
    issued_token_type: z.string().optional(),
    token_type: z.enum(["Bearer", "DPoP"]),
    expires_in: z.number(),
  }),
};
const oauthError = {
  "application/json": z.object({ error: z.string(), error_description: z.string() }),
};

/** Trades client credentials for an access token; RFC 6749, section 4.4, with the credentials in the body. */
export const getToken = rawOperation({
  operationId: "invoked.AuthService.Token",
  method: "post",
  path: "/auth/v1/token",
  summary: "Get an access token for client credentials, by secret or by signed assertion",
  permission: "public",
  audit: "own",
  content: { [FORM]: tokenForm },
  answers: {
    200: { description: "OK", content: tokenAnswer },
    400: { description: "Bad request", content: oauthError },
    401: { description: "Unknown client or wrong secret", content: oauthError },
    429: {
      description:
        "Too many requests from this client, or too many failed requests from this address",
      content: oauthError,
    },
  },
  async handle(
    { body, remoteAddress },
    { tokenEndpoint, tokenRateLimit }: Uses<"tokenEndpoint" | "tokenRateLimit">,
  ) {
    if (body.mediaType !== FORM) {
      throw new OAuthError("invalid_request", `the body must be ${FORM}`);
    }
    const form = new URLSearchParams(new TextDecoder().decode(await readRequest(body)));
    const { perMinute } = tokenRateLimit;
    let granted: TokenGrant;
    try {
      granted = await tokenEndpoint.authenticate(form, remoteAddress, body.headers["dpop"]);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      const waitSeconds = tokenRateLimit.countFailed(remoteAddress);
      if (waitSeconds === 0) throw error;
      return tooManyRequests(
        waitSeconds,
        `this address sent more than ${
          formatCount(perMinute)
        } wrong token requests a minute (--token-rate)`,
      );
    }
    const waitSeconds = tokenRateLimit.countGranted(remoteAddress, granted.client.principal);
    if (waitSeconds === 0) {
      return Reply.json(await tokenEndpoint.grant(granted), { "Pragma": "no-cache" });
    }
    return tooManyRequests(
      waitSeconds,
      `this client asks for more than ${formatCount(perMinute)} tokens a minute (--token-rate)`,
    );
  },
});

/** Errors of this endpoint have the form of RFC 6749, section 5.2. @throws OAuthError */
async function readRequest(body: RawBody): Promise<Uint8Array> {
  try {
    return await body.read(TOKEN_REQUEST_BYTES_MAX, "of a token request");
  } catch (error) {
    throw error instanceof DomainError ? new OAuthError("invalid_request", error.message) : error;
  }
}

function tooManyRequests(waitSeconds: number, description: string): Reply {
  const error = { error: "temporarily_unavailable", error_description: description };
  return Reply.json(error, { "Retry-After": String(Math.ceil(waitSeconds)) }, 429);
}
