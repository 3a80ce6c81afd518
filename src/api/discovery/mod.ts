import { z } from "@hono/zod-openapi";
import { PROOF_ALGORITHMS, type SigningKeys } from "../../domain/identity/mod.ts";
import { jsonOperation, type Operation, Reply, type Uses } from "../operation.ts";
import {
  KEY_SET_MAX_AGE_SECONDS,
  METADATA_MAX_AGE_SECONDS,
  publicFor,
  SIGNING_ALGORITHMS,
  takesTokens,
} from "./documents.ts";
import { DomainError } from "../../domain/errors.ts";

/** RFC 8628. */
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

const texts = z.array(z.string());

/**
 * RFC 8414. What is absent does not exist: no authorization endpoint, and no introspection by RFC 7662. There is no
 * OpenID configuration either, because the server issues no ID tokens.
 */
const getAuthorizationServer = jsonOperation({
  operationId: "invoked.DiscoveryService.GetAuthorizationServer",
  route: "GET /.well-known/oauth-authorization-server",
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

const ofResource = {
  permission: "public",
  response: z.object({
    resource: z.string().openapi({ description: "The URL that the document describes" }),
    resource_name: z.string(),
    resource_documentation: z.string(),
    authorization_servers: z.array(z.string()),
    bearer_methods_supported: z.array(z.string()),
    dpop_signing_alg_values_supported: z.array(z.string()),
  }).openapi("invoked.ProtectedResource"),
} as const;

/** RFC 9728. */
const getProtectedResource = jsonOperation({
  ...ofResource,
  operationId: "invoked.DiscoveryService.GetProtectedResource",
  route: "GET /.well-known/oauth-protected-resource",
  summary: "Get the metadata of the server as a protected resource (RFC 9728)",
  handle: (_, { issuer }: Uses<"issuer">) => Promise.resolve(metadataOf(issuer, issuer)),
});

/** RFC 9728, section 3.1: a client that was rejected at a URL finds the document by its path. */
const getProtectedPath = jsonOperation({
  ...ofResource,
  operationId: "invoked.DiscoveryService.GetProtectedPath",
  route: "GET /.well-known/oauth-protected-resource/{path}",
  slashes: { path: "any" },
  summary: "Get the metadata of a path of the server as a protected resource (RFC 9728)",
  handle({ params: { path } }, { issuer }: Uses<"issuer">) {
    if (takesTokens(`/${path}`)) {
      return Promise.resolve(metadataOf(`${issuer}/${encodeURI(path)}`, issuer));
    }
    throw new DomainError(
      "ENDPOINT_NOT_FOUND",
      `No protected resource at /${path}: the paths that take access tokens begin with /api/, /run/ ` +
        "or /preview/",
    );
  },
});

function metadataOf(resource: string, issuer: string): Reply {
  return Reply.json({
    resource,
    resource_name: "invoked",
    resource_documentation: `${issuer}/docs`,
    authorization_servers: [issuer],
    bearer_methods_supported: ["header"],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
  }, publicFor(METADATA_MAX_AGE_SECONDS));
}

const ofKeys = {
  permission: "public",
  response: z.object({
    keys: z.array(z.looseObject({
      kty: z.literal("OKP"),
      crv: z.literal("Ed25519"),
      x: z.string(),
      kid: z.string(),
      alg: z.literal("EdDSA"),
      use: z.literal("sig"),
    })),
  }).openapi("invoked.KeySet"),
  handle: (_: unknown, { signingKeys }: Uses<"signingKeys">) => keySet(signingKeys),
} as const;

/** Where RFC 8414 sends verifiers: `jwks_uri`. */
const getKeySet = jsonOperation({
  ...ofKeys,
  operationId: "invoked.DiscoveryService.GetKeySet",
  route: "GET /.well-known/jwks.json",
  summary: "Get the public keys that verify access tokens (RFC 7517)",
});

/** The same beside the token endpoint. */
const getKeySetOfAuth = jsonOperation({
  ...ofKeys,
  operationId: "invoked.DiscoveryService.GetKeySetOfAuth",
  route: "GET /auth/v1/jwks",
  summary: "Get the key set of /.well-known/jwks.json",
});

/** Keys that have yet to sign are in it, so that verifiers know them in time. */
async function keySet(signingKeys: SigningKeys): Promise<Reply> {
  const { valid } = await signingKeys.recent();
  const keys = valid.map(({ id, publicJwk }) => ({
    ...publicJwk,
    kid: id,
    alg: "EdDSA",
    use: "sig",
  }));
  return Reply.json({ keys }, publicFor(KEY_SET_MAX_AGE_SECONDS));
}

/** Find out how to get access tokens, and how to verify them. */
export const DISCOVERY_OPERATIONS: readonly Operation[] = [
  getAuthorizationServer,
  getProtectedResource,
  getProtectedPath,
  getKeySet,
  getKeySetOfAuth,
];
