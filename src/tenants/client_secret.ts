/** The secret of a client of C1: a prefix, and an Ed25519 private key as a JWK in base64url. */
import { generateKeyPairSync } from "node:crypto";

const PREFIX = "secret-token:conductorone.com:v1:";
const SECRET_CHARS_MAX = 4_096;
/** An Ed25519 key, in base64url. */
const KEY = /^[A-Za-z0-9_-]{43}$/;

/** Why a text is not a client secret; undefined for a client secret. It does not show the text. */
export function clientSecretViolation(text: string): string | undefined {
  if (privateJwkOf(text) !== undefined) return undefined;
  return text.startsWith(PREFIX)
    ? `has no key after ${PREFIX}, so it was probably not copied to its end`
    : `is not a client secret of C1, which begins with ${PREFIX}`;
}

/** The private key of a client secret; undefined for a text of another form. */
export function privateJwkOf(
  secret: string,
):
  | { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string; readonly d: string }
  | undefined {
  if (!secret.startsWith(PREFIX) || secret.length > SECRET_CHARS_MAX) return undefined;
  let jwk: { readonly [Member in "kty" | "crv" | "x" | "d"]?: unknown };
  try {
    jwk = Object(JSON.parse(Buffer.from(secret.slice(PREFIX.length), "base64url").toString()));
  } catch {
    return undefined;
  }
  const { kty, crv, x, d } = jwk;
  if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string" || typeof d !== "string") {
    return undefined;
  }
  return KEY.test(x) && KEY.test(d) ? { kty, crv, x, d } : undefined;
}

/** Makes a client secret with a new key. */
export function newClientSecret(): string {
  const { kty, crv, x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return PREFIX + Buffer.from(JSON.stringify({ kty, crv, x, d })).toString("base64url");
}
