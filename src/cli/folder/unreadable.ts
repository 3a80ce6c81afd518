import { describeError, Failure, UsageFailure } from "../terminal/failure.ts";

/** The failure to read a file or directory of a function. */
export function unreadable(path: string, error: unknown): Failure {
  return new UsageFailure(`Failed to read ${path}: ${describeError(error)}`, {
    next: "make it readable, or exclude it with a line of .invokedignore",
  });
}
