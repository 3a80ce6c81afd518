/** The end of a credential's life. */
import { formatDuration } from "../../config/mod.ts";
import { CREDENTIAL_LIFETIME } from "../../resources/principals.ts";
import { invalid } from "../errors.ts";

/**
 * Checks a new end of a credential's life, which can only come closer: a leaked secret must not live longer by its own
 * request.
 * @param before null for a credential that does not expire
 * @param wanted RFC 3339; null for no end
 * @throws INVALID_FIELD
 */
export function assertExpiry(before: string | null, wanted: string | null, field: string): void {
  if (before === wanted) return;
  const violation = violationOf(before, wanted);
  if (violation !== undefined) throw invalid({ field, description: violation });
}

function violationOf(before: string | null, wanted: string | null): string | undefined {
  if (wanted === null) return `cannot be removed: the client expires at ${before}`;
  const end = Date.parse(wanted);
  const latest = Date.now() + CREDENTIAL_LIFETIME.max;
  if (end <= Date.now()) return `${wanted} has passed`;
  if (end > latest) {
    return `${wanted} is more than ${formatDuration(CREDENTIAL_LIFETIME.max)} ahead`;
  }
  if (before === null || end <= Date.parse(before)) return undefined;
  return `${wanted} is later than ${before}: the life of a client is never extended`;
}
