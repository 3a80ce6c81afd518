import { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** HMAC-SHA256 of the parts, one after another. */
export function hmacSha256(
  key: string | Uint8Array,
  ...parts: readonly (string | Uint8Array)[]
): Buffer {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** Whether two values are equal, in a time that shows neither where they differ nor whether their lengths do. */
export function isEqual(a: Uint8Array | string, b: Uint8Array | string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(value: Uint8Array | string): Buffer {
  return createHash("sha256").update(value).digest();
}

/** Whether one of the secrets makes the signature. Every secret is tried, so that the time does not show which one. */
export function isSignedByAny(
  secrets: readonly string[],
  signatures: readonly string[],
  sign: (secret: string) => string,
): boolean {
  let isSigned = false;
  for (const secret of secrets) {
    const expected = sign(secret);
    for (const signature of signatures) {
      if (isEqual(signature, expected)) isSigned = true;
    }
  }
  return isSigned;
}
