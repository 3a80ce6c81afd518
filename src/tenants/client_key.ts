/** What the key inside a client secret of C1 signs, and which of its texts nobody may read. */
import { Buffer } from "node:buffer";
import { importJWK, SignJWT } from "jose";
import { privateJwkOf } from "./client_secret.ts";
import type { TenantCredentials } from "./contract.ts";

/** The type of assertions that are JWTs (RFC 7523). */
export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** How long an assertion is valid, and how far the clock of the tenant may be behind, in seconds: as C1's clients do it. */
const LIFETIME_SECONDS = 120;
const NOT_BEFORE_SECONDS = 120;
const NONCE_BYTES = 16;

/** The texts of a client secret that nobody may read: the secret, its encoded key, and the private part of the key. */
export function secretTexts(clientSecret: string): string[] {
  const encoded = clientSecret.slice(clientSecret.lastIndexOf(":") + 1);
  const key = privateJwkOf(clientSecret)?.d;
  return [clientSecret, encoded, ...key === undefined ? [] : [key]];
}

/**
 * Signs an assertion by which a client requests a token (RFC 7523, section 2.2).
 * @param audience the tenant's host name without a port
 * @returns undefined if the client secret has another form than C1's
 */
export async function signAssertion(
  { clientId, clientSecret }: TenantCredentials,
  audience: string,
): Promise<string | undefined> {
  const jwk = privateJwkOf(clientSecret);
  if (jwk === undefined) return undefined;
  const now = Math.floor(Date.now() / 1000);
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))).toString("hex");
  return await new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", nonce })
    .setIssuer(clientId).setSubject(clientId).setAudience([audience])
    .setIssuedAt(now).setNotBefore(now - NOT_BEFORE_SECONDS)
    .setExpirationTime(now + LIFETIME_SECONDS)
    .sign(await importJWK(jwk, "EdDSA"));
}
