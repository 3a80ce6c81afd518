/** API keys: what they look like, so that the server, people and secret scanners know one. */
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { base62 } from "./base62.ts";

const PREFIX = "invoked_";
/** Digits of base 62 that hold 256 bits. */
const SECRET_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const PATTERN = `${PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + CHECKSUM_DIGITS}}`;
const WHOLE = new RegExp(`^${PATTERN}$`);
const ANYWHERE = new RegExp(PATTERN, "g");

/** A new API key: the prefix, 256 random bits and a CRC-32, by which a scanner knows a key from other text. */
export function newApiKey(): string {
  const secret = base62(BigInt(`0x${randomBytes(32).toString("hex")}`), SECRET_DIGITS);
  return `${PREFIX}${secret}${checksumOf(secret)}`;
}

/** Whether a text is an API key by its form and checksum, so that other text costs no lookup. */
export function isApiKey(text: string): boolean {
  return WHOLE.test(text) && hasChecksum(text);
}

/** Whether a text contains what has the form of an API key. */
export function hasApiKey(text: string): boolean {
  return text.includes(PREFIX) && text.search(ANYWHERE) >= 0;
}

/** Whether a text contains an API key with its checksum. */
export function hasValidApiKey(text: string): boolean {
  return (text.match(ANYWHERE) ?? []).some(hasChecksum);
}

function hasChecksum(key: string): boolean {
  const secret = key.slice(PREFIX.length, PREFIX.length + SECRET_DIGITS);
  return key.endsWith(checksumOf(secret));
}

function checksumOf(secret: string): string {
  return base62(BigInt(crc32(secret)), CHECKSUM_DIGITS);
}
