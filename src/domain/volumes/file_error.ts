/** What a file operation of an invocation failed of; those that Deno has are named as its error classes. */
export type FileErrorKind =
  | "NotFound"
  | "AlreadyExists"
  | "NotADirectory"
  | "IsADirectory"
  | "BadResource"
  | "DirectoryNotEmpty"
  | "InvalidPath"
  | "QuotaExceeded";

/** A file operation that cannot be done. The message is for the function's author. */
export class FileError extends Error {
  override name = "FileError";
  constructor(readonly kind: FileErrorKind, message: string) {
    super(message);
  }
}

const REASONS: Readonly<Record<Exclude<FileErrorKind, "QuotaExceeded" | "BadResource">, string>> = {
  NotFound: "there is no such file or directory",
  AlreadyExists: "it exists already",
  NotADirectory: "it is a file, or below one, and not a directory",
  IsADirectory: "it is a directory and not a file",
  DirectoryNotEmpty: "the directory is not empty",
  InvalidPath: "a directory cannot go into itself, and the root cannot be changed",
};

/** @param what what was to be done, such as `read` */
export function fileError(kind: keyof typeof REASONS, what: string, path: string): FileError {
  return new FileError(kind, `Cannot ${what} ${JSON.stringify(path)}: ${REASONS[kind]}`);
}
