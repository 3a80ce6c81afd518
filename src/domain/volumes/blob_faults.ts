/** What can be wrong with a blob while a volume reads or writes it. */

/** @param digest of the blob */
export function tooShort(digest: string): Error {
  return new Error(`Cannot read blob ${digest}: it is too short`);
}

/** @param digest of the blob */
export function wasChanged(digest: string): Error {
  return new Error(`Cannot read blob ${digest}: its content was changed`);
}

/** Asserts that the content of a file was published before the file is written. @param path of the file */
export function assertPublished<Blob>(blob: Blob | undefined, path: string): Blob {
  if (blob !== undefined) return blob;
  throw new Error(`Cannot write ${path}: its blob was not published`);
}
