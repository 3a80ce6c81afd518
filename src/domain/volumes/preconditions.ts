import { checkPreconditions, type Preconditions } from "../preconditions.ts";

/** @param etag of the file; undefined if it does not exist @throws ETAG_MISMATCH */
export function checkFile(
  preconditions: Preconditions,
  path: string,
  etag: string | undefined,
): void {
  const current = etag === undefined ? "the file does not exist" : `its ETag is "${etag}"`;
  checkPreconditions(preconditions, etag, `Request for ${JSON.stringify(path)} rejected`, current);
}
