/** What clients and verifiers elsewhere find out by themselves, and how long they may keep it. */
import type { ReplyHeaders } from "../cookies.ts";

/** The algorithms of client assertions and access tokens; `Ed25519` is the newer name (RFC 9864). */
export const SIGNING_ALGORITHMS = ["EdDSA", "Ed25519"];

/** Much shorter than a new signing key waits: see `SIGNS_AFTER_MS`. */
export const KEY_SET_MAX_AGE_SECONDS = 60;
export const METADATA_MAX_AGE_SECONDS = 300;

/** Of a document without secrets, which pages of any origin may read. */
export function publicFor(maxAgeSeconds: number): ReplyHeaders {
  return {
    "Cache-Control": `public, max-age=${maxAgeSeconds}`,
    "Access-Control-Allow-Origin": "*",
  };
}

/** The paths that take access tokens: not webhooks, whose senders have other proofs. */
const PROTECTED =
  /^\/(?:api\/(?!v1\/webhooks\/incoming\/)|run\/|preview\/|auth\/v1\/session_links$|auth\/v1\/sessions(?:\/|$))/;

/** Whether requests to a path can authenticate by an access token. */
export function takesTokens(path: string): boolean {
  return PROTECTED.test(path);
}
