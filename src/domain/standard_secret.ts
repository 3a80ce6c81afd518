/** Secrets of Standard Webhooks: triggers check requests with one, and destinations sign requests with one. */
import { Buffer } from "node:buffer";
import { invalid } from "./errors.ts";

export const STANDARD_PREFIX = "whsec_";
const BYTES_MIN = 24;
const BYTES_MAX = 64;
/** The form of a secret in words. */
export const STANDARD_FORM =
  `${STANDARD_PREFIX} and then base64 of ${BYTES_MIN} to ${BYTES_MAX} bytes`;

/** @param field of the secret in the request @throws INVALID_FIELD */
export function checkStandardSecret(secret: string, field: string): void {
  if (standardKey(secret) === undefined) {
    throw invalid({ field, description: `must be ${STANDARD_FORM}` });
  }
}

/** The key of a secret; undefined if the text is no secret of Standard Webhooks. */
export function standardKey(secret: string): Uint8Array | undefined {
  const [, text] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(text ?? "", "base64");
  return key.length >= BYTES_MIN && key.length <= BYTES_MAX ? key : undefined;
}
