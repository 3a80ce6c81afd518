import { z } from "@hono/zod-openapi";
import type { SigningKeys } from "../../domain/identity/mod.ts";
import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { KEY_SET_MAX_AGE_SECONDS, publicFor } from "./documents.ts";

const shared = {
  method: "get",
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
export const getKeySet = jsonOperation({
  ...shared,
  operationId: "invoked.DiscoveryService.GetKeySet",
  path: "/.well-known/jwks.json",
  summary: "Get the public keys that verify access tokens (RFC 7517)",
});

/** The same beside the token endpoint. */
export const getKeySetOfAuth = jsonOperation({
  ...shared,
  operationId: "invoked.DiscoveryService.GetKeySetOfAuth",
  path: "/auth/v1/jwks",
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
