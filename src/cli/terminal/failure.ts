/** The exit codes of every command, with what they mean; the help and docs/cli.md list them. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: "success" },
  failure: { code: 1, meaning: "the command failed: refused, not found, not possible" },
  usage: { code: 2, meaning: "arguments or settings that cannot be used" },
  code: {
    code: 3,
    meaning:
      "the function's own fault: it ended with an error, a test failed, it does not build or type-check",
  },
  server: { code: 4, meaning: "the server cannot be reached, or does not know the caller" },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

export const EXIT_OK = EXIT_CODES.ok.code;
export const EXIT_FAILURE = EXIT_CODES.failure.code;
export const EXIT_USAGE = EXIT_CODES.usage.code;

export interface FailureOptions {
  /** What the user can do about it, as one sentence without a period. */
  readonly next?: string | undefined;
  readonly exit?: ExitName;
}

/** A failure that is told to the user on stderr, with the next step, and ends the command. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly next: string | undefined;
  readonly exit: ExitName;

  constructor(message: string, { next, exit = "failure" }: FailureOptions = {}) {
    super(message);
    this.next = next;
    this.exit = exit;
  }
}

/** Text from outside as one printable line: no control characters that a terminal would obey. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").trim();
}

/** Text from outside whose lines stay, without control characters that a terminal would obey. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g, " ");
}

/** The message of whatever was thrown, as one line. */
export function describeError(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}
