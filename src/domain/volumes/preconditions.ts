import { DomainError } from "../errors.ts";

/** Entity tags without their quotes, or any (`*`). */
export type EntityTags = "*" | readonly string[];

/** What must hold of a file for a request to be done (RFC 9110, section 13). */
export interface Preconditions {
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
}

export const NO_PRECONDITIONS: Preconditions = { ifMatch: undefined, ifNoneMatch: undefined };

/** Whether one of the tags is that of the file; a file that is not there has none. */
export function matches(tags: EntityTags, etag: string | undefined): boolean {
  return etag !== undefined && (tags === "*" || tags.includes(etag));
}

/** @throws ETAG_MISMATCH @param etag undefined where there is no such file */
export function checkForWrite(
  { ifMatch, ifNoneMatch }: Preconditions,
  path: string,
  etag: string | undefined,
): void {
  const now = etag === undefined ? "there is no such file" : `its ETag is "${etag}"`;
  if (ifMatch !== undefined && !matches(ifMatch, etag)) {
    throw new DomainError("ETAG_MISMATCH", `If-Match does not hold for ${show(path)}: ${now}`);
  }
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    throw new DomainError("ETAG_MISMATCH", `If-None-Match does not hold for ${show(path)}: ${now}`);
  }
}

function show(path: string): string {
  return JSON.stringify(path);
}
