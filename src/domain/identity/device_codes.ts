/** The codes of the device flow (RFC 8628): of devices, which are keys, and of people, who read and type them. */
import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";
import { DEVICE_CLIENTS } from "../../resources/clients.ts";
import type { DeviceCodeRow } from "../../store/device_codes.ts";
import { DomainError } from "../errors.ts";
import { OAuthError } from "./grants/grant.ts";

/** How often a device may ask for its token. */
export const POLL_INTERVAL_MS = 5_000;
const DEVICE_CODE_BYTES = 32;
/** No vowels, so that no word appears, and no letter that looks or sounds like a digit (RFC 8628, section 6.1). */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LETTERS = 8;
const USER_CODE = new RegExp(`^[${ALPHABET}]{${USER_CODE_LETTERS}}$`);
/** What people type between the letters, or leave out. */
const SEPARATORS = /[\s\p{Dash}_.]+/gu;
/** Longer texts are no code; the bound keeps them cheap. */
const TYPED_CHARS_MAX = 64;

/** 256 random bits. */
export function newDeviceCode(): string {
  return randomBytes(DEVICE_CODE_BYTES).toString("base64url");
}

/** Such as `BCDF-GHJK`: 34 bits, so guesses at it must be slow. */
export function newUserCode(): string {
  const letters = Array.from(
    { length: USER_CODE_LETTERS },
    () => ALPHABET.charAt(randomInt(ALPHABET.length)),
  );
  return shownUserCode(letters.join(""));
}

/** The letters of a typed code; undefined for a text that is no user code. */
export function userCodeOf(typed: string): string | undefined {
  if (typed.length > TYPED_CHARS_MAX) return undefined;
  const letters = typed.replace(SEPARATORS, "").toUpperCase();
  return USER_CODE.test(letters) ? letters : undefined;
}

/** The letters of a code in two groups. */
export function shownUserCode(letters: string): string {
  const half = USER_CODE_LETTERS / 2;
  return `${letters.slice(0, half)}-${letters.slice(half)}`;
}

/** A plain hash is enough: a device code is a random key. */
export function deviceCodeHash(code: string): string {
  return createHash("sha256").update(code).digest("base64url");
}

/** @param letters of {@link userCodeOf} */
export function userCodeHash(letters: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(letters).digest("base64url");
}

/** The name of the public client that asks for a sign-in. */
export function deviceName({ clientId }: Pick<DeviceCodeRow, "clientId">): string {
  return DEVICE_CLIENTS.get(clientId) ?? clientId;
}

export function hasExpired({ expiresAt }: Pick<DeviceCodeRow, "expiresAt">): boolean {
  return Date.now() >= Date.parse(expiresAt);
}

/** One error for all reasons: it shows nobody which codes exist. */
export function codeInvalid(): DomainError {
  return new DomainError(
    "DEVICE_CODE_INVALID",
    "Code rejected: the code is wrong, was used before or has expired; start the sign-in again on the device",
  );
}

export function unknownDevice(): OAuthError {
  return new OAuthError("invalid_client", "client_id is no public client of this server");
}

export function unknownCode(): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "the device code is unknown, was used before or belongs to another client",
  );
}

export function denied(): OAuthError {
  return new OAuthError("access_denied", "the sign-in of the device was denied");
}
