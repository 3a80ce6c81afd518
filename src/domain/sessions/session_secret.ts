/** The codes of links and the tokens of sessions. The database has their hashes alone. */
import { createHash, randomBytes } from "node:crypto";

/** None can be guessed, and a plain SHA-256 of one is enough. */
const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** Whether a text could be a secret. */
export function isSecret(text: string): boolean {
  return SECRET.test(text);
}

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
