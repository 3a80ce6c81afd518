/** What can be wrong with a blob while a volume reads or writes it. */

/** @param digest of the blob */
export function tooShort(digest: string): Error {
  return new Error(`Blob ${digest} is too short`);
}

/** @param digest of the blob */
export function wasChanged(digest: string): Error {
  return new Error(`Blob ${digest} was changed`);
}

/** Asserts that the content of a file was published before the file is written. @param path of the file */
export function assertPublished<Blob>(blob: Blob | undefined, path: string): Blob {
  if (blob !== undefined) return blob;
  throw new Error(`The blob of ${path} was not published`);
}
