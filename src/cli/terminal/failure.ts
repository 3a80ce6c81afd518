/** The exit codes of every command with their meaning; the help and docs/cli.md list them. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: "success" },
  failure: {
    code: 1,
    meaning: "the command failed: rejected, not found or not possible; doctor: degraded",
  },
  usage: { code: 2, meaning: "invalid arguments or settings" },
  code: {
    code: 3,
    meaning:
      "the function failed: an invocation ended with an error, a test failed, or the code does not build or type-check; doctor: broken",
  },
  server: { code: 4, meaning: "the server is not reachable, or does not accept the credentials" },
  storage: {
    code: 5,
    meaning: "the server stopped because the disk may have lost data; another start recovers",
  },
  protocol: {
    code: 6,
    meaning: "the worker and an API node speak protocols that differ by more than 1",
  },
  differences: {
    code: 7,
    meaning: "deploy --tenant or pull found differences and, without --yes, changed nothing",
  },
  interrupted: { code: 130, meaning: "Ctrl-C or SIGTERM ended the command" },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

export const EXIT_OK = EXIT_CODES.ok.code;
export const EXIT_FAILURE = EXIT_CODES.failure.code;
export const EXIT_USAGE = EXIT_CODES.usage.code;

/** Further parts of a failure. */
export interface FailureOptions {
  /** The next step of the user, as one sentence without a period. */
  readonly next?: string | undefined;
  readonly exit?: ExitName;
}

/**
 * Ends a command with a message on stderr and an exit code.
 *
 * The message begins with what was rejected or what failed, followed by the value and the rule, without a period:
 * `Invalid --quota: "5" is not a size`, `Failed to read main.ts: permission denied`.
 */
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

/** Ends a command because of invalid arguments or settings. It always names the next step. */
export class UsageFailure extends Failure {
  constructor(message: string, { next }: { readonly next: string }) {
    super(message, { next, exit: "usage" });
  }
}

/** They show text in another order than it has: Unicode's Bidi_Control. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

/** Text from outside as one printable line, without control characters. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").replace(BIDI_CONTROLS, " ").trim();
}

/** The first line of a text from outside. */
export function firstLine(text: string): string {
  return oneLine(text.split("\n")[0] ?? "");
}

/** Text from outside with its lines, without other control characters. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, "\n")
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g, " ")
    .replace(BIDI_CONTROLS, " ");
}

/** Causes of an error that are reported; libraries have one or two. */
const MAX_CAUSES = 4;

/** How Deno reports a path that it opens to no program with fewer than all permissions. */
const DENIED = /Requires \w+ access to (".*"), run again with the --allow-\w+ flag/;

/** What failed first, and not what failed as it was cleared away. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}

/** The message of a thrown value and of its causes as one line. */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  for (let at = firstError(error); at !== undefined && messages.length <= MAX_CAUSES;) {
    const message = at instanceof Error ? at.message : String(at);
    // Many errors quote their cause.
    if (message !== "" && !messages.some((outer) => outer.includes(message))) {
      messages.push(message);
    }
    at = at instanceof Error ? at.cause : undefined;
  }
  return oneLine(messages.join(": ")).replace(DENIED, "the runtime denies access to $1");
}
