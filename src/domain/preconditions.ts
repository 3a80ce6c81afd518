import { DomainError } from "./errors.ts";

/** Entity tags without their quotes, or any (`*`). */
export type EntityTags = "*" | readonly string[];

/** The preconditions of a request (RFC 9110, section 13). */
export interface Preconditions {
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
}

export const NO_PRECONDITIONS: Preconditions = { ifMatch: undefined, ifNoneMatch: undefined };

/** Whether one of the tags is that of the resource. @param etag undefined if it does not exist */
export function matches(tags: EntityTags, etag: string | undefined): boolean {
  return etag !== undefined && (tags === "*" || tags.includes(etag));
}

/**
 * @param etag of the resource; undefined if it does not exist @param what that cannot be done @param current says the etag
 * @throws ETAG_MISMATCH
 */
export function checkPreconditions(
  { ifMatch, ifNoneMatch }: Preconditions,
  etag: string | undefined,
  what: string,
  current: string,
): void {
  if (ifMatch !== undefined && !matches(ifMatch, etag)) {
    throw new DomainError("ETAG_MISMATCH", `${what}: If-Match does not match, ${current}`);
  }
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    throw new DomainError("ETAG_MISMATCH", `${what}: If-None-Match matches, ${current}`);
  }
}
