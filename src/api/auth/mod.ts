import { formatCount } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { OAuthError, type TokenGrant } from "../../domain/identity/mod.ts";
import { jsonOperation, type Operation, rawOperation, Reply, type Uses } from "../operation.ts";
import { FORM, oauthError, readForm, resource, tooManyRequests } from "./form.ts";
import { permissionJson } from "../permissions.ts";

const tokenForm = z.object({
  grant_type: z.enum([
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:device_code",
  ]),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: z.string().optional(),
  client_assertion: z.string().optional(),
  subject_token: z.string().optional().openapi({ description: "Of a workload's provider" }),
  subject_token_type: z.string().optional(),
  requested_token_type: z.string().optional(),
  audience: z.string().optional().openapi({
    description:
      "Of a token exchange: a name or a URL of this server; others are rejected with invalid_target",
  }),
  device_code: z.string().optional(),
  resource,
});
const tokenAnswer = {
  "application/json": z.object({
    access_token: z.string(),
    issued_token_type: z.string().optional(),
    token_type: z.enum(["Bearer", "DPoP"]),
    expires_in: z.number(),
  }),
};
/** Trades client credentials (RFC 6749, section 4.4, in the body) or an approved device code (RFC 8628) for an access token. */
const getToken = rawOperation({
  operationId: "invoked.AuthService.Token",
  route: "POST /auth/v1/token",
  summary: "Get an access token for client credentials or for an approved device code",
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
    const form = await readForm(body);
    const { perMinute } = tokenRateLimit;
    let granted: TokenGrant;
    try {
      granted = await tokenEndpoint.authenticate(form, remoteAddress, body.headers["dpop"]);
    } catch (error) {
      // Devices poll, and a code can be polled no faster than this answer allows.
      if (!(error instanceof OAuthError) || error.error === "authorization_pending") throw error;
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

const introspect = jsonOperation({
  operationId: "c1.api.auth.v1.Auth.Introspect",
  route: "GET /api/v1/auth/introspect",
  summary: "Get the principal of the access token",
  permission: "self",
  response: z.object({
    principleId: z.string(),
    userId: z.string(),
    tenantId: z.string(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
    deviceClientId: z.string().openapi({ description: "Always empty: clients are not devices" }),
    disabledModules: z.array(z.string()),
  }).openapi("c1.api.auth.v1.IntrospectResponse"),
  handle: ({ principal }, { hostName }: Uses<"hostName">) =>
    Promise.resolve({
      principleId: principal.id,
      userId: principal.id,
      tenantId: hostName,
      roles: [...principal.access.roleIds],
      permissions: principal.access.permissions.map(permissionJson),
      features: [],
      deviceClientId: "",
      disabledModules: [],
    }),
});

/** Get access tokens, and learn whose they are. */
export const AUTH_OPERATIONS: readonly Operation[] = [getToken, introspect];
