import { z } from "@hono/zod-openapi";
import { PROOF_ALGORITHMS } from "../../domain/identity/mod.ts";
import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { METADATA_MAX_AGE_SECONDS, publicFor, SIGNING_ALGORITHMS } from "./documents.ts";

/** RFC 8628. */
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

const texts = z.array(z.string());

/**
 * RFC 8414. What is absent does not exist: no authorization endpoint, and no introspection by RFC 7662. There is no
 * OpenID configuration either, because the server issues no ID tokens.
 */
export const getAuthorizationServer = jsonOperation({
  operationId: "invoked.DiscoveryService.GetAuthorizationServer",
  method: "get",
  path: "/.well-known/oauth-authorization-server",
  summary: "Get the metadata of the authorization server (RFC 8414)",
  permission: "public",
  response: z.object({
    issuer: z.string().openapi({ description: "The iss of access tokens: --public-url" }),
    token_endpoint: z.string(),
    device_authorization_endpoint: z.string().optional(),
    jwks_uri: z.string(),
    grant_types_supported: texts,
    response_types_supported: texts,
    token_endpoint_auth_methods_supported: texts,
    token_endpoint_auth_signing_alg_values_supported: texts,
    protected_resources: texts,
    dpop_signing_alg_values_supported: texts,
    service_documentation: z.string(),
  }).openapi("invoked.AuthorizationServer"),
  handle: (_, { issuer, tokenEndpoint }: Uses<"issuer" | "tokenEndpoint">) =>
    Promise.resolve(Reply.json({
      issuer,
      token_endpoint: `${issuer}/auth/v1/token`,
      ...tokenEndpoint.grantTypes.includes(DEVICE_GRANT)
        ? { device_authorization_endpoint: `${issuer}/auth/v1/device_authorization` }
        : {},
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      grant_types_supported: tokenEndpoint.grantTypes,
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt", "none"],
      token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
      dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
      protected_resources: [issuer],
      service_documentation: `${issuer}/docs`,
    }, publicFor(METADATA_MAX_AGE_SECONDS))),
});
