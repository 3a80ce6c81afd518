import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { PROOF_ALGORITHMS } from "../../domain/identity/mod.ts";
import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { METADATA_MAX_AGE_SECONDS, publicFor, takesTokens } from "./documents.ts";

const shared = {
  method: "get",
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
export const getProtectedResource = jsonOperation({
  ...shared,
  operationId: "invoked.DiscoveryService.GetProtectedResource",
  path: "/.well-known/oauth-protected-resource",
  summary: "Get the metadata of the server as a protected resource (RFC 9728)",
  handle: (_, { issuer }: Uses<"issuer">) => Promise.resolve(metadataOf(issuer, issuer)),
});

/** RFC 9728, section 3.1: a client that was rejected at a URL finds the document by its path. */
export const getProtectedPath = jsonOperation({
  ...shared,
  operationId: "invoked.DiscoveryService.GetProtectedPath",
  path: "/.well-known/oauth-protected-resource/{path}",
  slashes: { path: "any" },
  summary: "Get the metadata of a path of the server as a protected resource (RFC 9728)",
  params: z.object({ path: z.string() }),
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
