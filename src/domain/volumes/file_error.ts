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
