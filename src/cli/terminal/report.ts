/** Prints why a command failed. */
import { CommanderError } from "commander";
import { ConfigError } from "../../config/mod.ts";
import {
  describeError,
  EXIT_CODES,
  EXIT_FAILURE,
  EXIT_OK,
  EXIT_USAGE,
  Failure,
  printable,
} from "./failure.ts";
import { note, paintNote } from "./output.ts";
import { parserFailure } from "./parser_failure.ts";

/** The code of the parser's error once it has printed the help of a group without a command. */
const HELP_PRINTED = "commander.help";

/**
 * Prints an error on stderr.
 *
 * @returns the exit code that belongs to it
 */
export function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT_OK;
    return error.code === HELP_PRINTED ? EXIT_USAGE : report(parserFailure(error));
  }
  if (error instanceof ConfigError) {
    for (const violation of error.violations) printError(violation);
    note(`${paintNote("dim", "next:")} run the command with --help for its settings`);
    return EXIT_USAGE;
  }
  if (!(error instanceof Failure)) {
    printError(describeError(error));
    return EXIT_FAILURE;
  }
  printError(printable(error.message));
  if (error.next !== undefined) {
    note(`${paintNote("dim", "next:")} ${printable(error.next)}`);
  }
  return EXIT_CODES[error.exit].code;
}

function printError(message: string): void {
  note(`${paintNote("red", "error:")} ${message}`);
}
