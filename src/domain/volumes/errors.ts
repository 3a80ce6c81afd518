/** Why a file operation of an invocation failed; the names are those of Deno's error classes, if Deno has one. */
type FileErrorKind =
  | "NotFound"
  | "AlreadyExists"
  | "NotADirectory"
  | "IsADirectory"
  | "BadResource"
  | "DirectoryNotEmpty"
  | "InvalidPath"
  | "QuotaExceeded";

/** A failed file operation. The message is for the function's author. */
export class FileError extends Error {
  override name = "FileError";
  constructor(readonly kind: FileErrorKind, message: string) {
    super(message);
  }
}

const REASONS: Readonly<Record<Exclude<FileErrorKind, "QuotaExceeded" | "BadResource">, string>> = {
  NotFound: "it does not exist",
  AlreadyExists: "it exists already",
  NotADirectory: "it is a file or below one, not a directory",
  IsADirectory: "it is a directory, not a file",
  DirectoryNotEmpty: "the directory is not empty",
  InvalidPath: "a directory cannot move into itself, and the root cannot change",
};

/** @param what the operation, such as `read` */
export function fileError(kind: keyof typeof REASONS, what: string, path: string): FileError {
  return new FileError(kind, `Failed to ${what} ${JSON.stringify(path)}: ${REASONS[kind]}`);
}

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
