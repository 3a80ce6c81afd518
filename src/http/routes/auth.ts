import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { OAuthError } from "../../domain/identity/mod.ts";
import type { Domain } from "../../domain/mod.ts";
import { readBody } from "../body.ts";
import { tokenRateLimit } from "../rate_limit.ts";
import { type App, endpoint } from "../endpoint.ts";

const FORM = "application/x-www-form-urlencoded";
/** A token request holds two ids and a signature. */
const TOKEN_REQUEST_BYTES_MAX = 64 * 1024;

const tokenForm = z.object({
  grant_type: z.literal("client_credentials"),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: z.string().optional(),
  client_assertion: z.string().optional(),
});
const tokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number(),
});
const oauthError = z.object({ error: z.string(), error_description: z.string() });

/** Trade client credentials for an access token; RFC 6749, credentials in the body. */
export function tokenRoute(
  app: App,
  { tokenEndpoint }: Domain,
  tokensPerMinute: number,
): void {
  const takeAtAddress = tokensPerMinute > 0 ? tokenRateLimit(tokensPerMinute) : () => 0;
  const json = (schema: z.ZodType) => ({ content: { "application/json": { schema } } });
  app.openAPIRegistry.registerPath({
    operationId: "invoked.AuthService.Token",
    method: "post",
    path: "/auth/v1/token",
    summary: "Get an access token for client credentials, by secret or by signed assertion",
    tags: ["AuthService"],
    request: { body: { content: { [FORM]: { schema: tokenForm } } } },
    responses: {
      200: { description: "OK", ...json(tokenAnswer) },
      400: { description: "Bad request", ...json(oauthError) },
      401: { description: "Unknown client or wrong secret", ...json(oauthError) },
      429: { description: "Too many requests of this client", ...json(oauthError) },
    },
  });
  app.post("/auth/v1/token", async (c) => {
    const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (type !== FORM) throw new OAuthError("invalid_request", `the body must be ${FORM}`);
    const body = await readTokenRequest(c.req.raw);
    const form = new URLSearchParams(new TextDecoder().decode(body));
    const waitSeconds = takeAtAddress(c, form.get("client_id") ?? "");
    if (waitSeconds > 0) {
      c.header("Retry-After", String(Math.ceil(waitSeconds)));
      return c.json({
        error: "temporarily_unavailable",
        error_description:
          `this client asks for more than ${tokensPerMinute} tokens a minute (--token-rate)`,
      }, 429);
    }
    const answer = await tokenEndpoint.grant(form);
    c.header("Pragma", "no-cache");
    return c.json(answer);
  });
}

/** Errors of this endpoint have one shape, whatever is wrong. @throws OAuthError */
async function readTokenRequest(request: Request): Promise<Uint8Array> {
  try {
    return await readBody(request, TOKEN_REQUEST_BYTES_MAX, "of a token request");
  } catch (error) {
    throw error instanceof DomainError ? new OAuthError("invalid_request", error.message) : error;
  }
}

/** Tell who the caller is. */
export function introspectRoute(app: App, hostName: string, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: "c1.api.auth.v1.Auth.Introspect",
    method: "get",
    path: "/api/v1/auth/introspect",
    summary: "Tell who the access token belongs to",
    response: z.object({
      principleId: z.string(),
      userId: z.string(),
      tenantId: z.string(),
      roles: z.array(z.string()),
      permissions: z.array(z.string()),
      features: z.array(z.string()),
    }).openapi("c1.api.auth.v1.IntrospectResponse"),
  }, ({ principal }) =>
    Promise.resolve({
      principleId: principal.id,
      userId: principal.id,
      tenantId: hostName,
      roles: [...principal.roles],
      permissions: [],
      features: [],
    }));
}
