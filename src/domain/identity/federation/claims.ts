/** The claims of a token, bounded before a condition reads them. */

/** Providers send 1 to 3 KiB. */
const CLAIMS_BYTES_MAX = 16 * 1024;
const DEPTH_MAX = 32;

/** A text is not the claims of a token; the message says what is wrong with it. */
export class ClaimsError extends Error {
  override name = "ClaimsError";
}

/** @throws ClaimsError */
export function parseClaims(json: string): Readonly<Record<string, unknown>> {
  if (new TextEncoder().encode(json).length > CLAIMS_BYTES_MAX) {
    throw new ClaimsError(`has more than ${CLAIMS_BYTES_MAX} bytes`);
  }
  let claims: unknown;
  try {
    claims = JSON.parse(json);
  } catch {
    throw new ClaimsError("is not JSON");
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    throw new ClaimsError("is not a JSON object");
  }
  if (isDeeper(claims, DEPTH_MAX)) throw new ClaimsError(`is nested more than ${DEPTH_MAX} times`);
  return claims as Readonly<Record<string, unknown>>;
}

/** Whether a value is nested more than so many times; it goes no deeper. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1));
}
