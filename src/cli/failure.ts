/** The exit codes of every command. */
export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** A failure that is told to the user as one line on stderr and ends the command with code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** Text from outside as one printable line: no control characters that a terminal would obey. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").trim();
}

/** The message of whatever was thrown, as one line. */
export function describeError(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}
