import { DomainError } from "../errors.ts";

/** Entity tags without their quotes, or any (`*`). */
export type EntityTags = "*" | readonly string[];

/** The preconditions of a request on a file (RFC 9110, section 13). */
export interface Preconditions {
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
}

export const NO_PRECONDITIONS: Preconditions = { ifMatch: undefined, ifNoneMatch: undefined };

/** Whether one of the tags is that of the file. @param etag undefined if the file does not exist */
export function matches(tags: EntityTags, etag: string | undefined): boolean {
  return etag !== undefined && (tags === "*" || tags.includes(etag));
}

/** @param etag undefined if the file does not exist @throws ETAG_MISMATCH */
export function checkForWrite(
  { ifMatch, ifNoneMatch }: Preconditions,
  path: string,
  etag: string | undefined,
): void {
  const current = etag === undefined ? "the file does not exist" : `its ETag is "${etag}"`;
  if (ifMatch !== undefined && !matches(ifMatch, etag)) {
    throw new DomainError(
      "ETAG_MISMATCH",
      `Cannot access ${show(path)}: If-Match does not match, ${current}`,
    );
  }
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    throw new DomainError(
      "ETAG_MISMATCH",
      `Cannot access ${show(path)}: If-None-Match matches, ${current}`,
    );
  }
}

function show(path: string): string {
  return JSON.stringify(path);
}
