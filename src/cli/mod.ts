import { CommanderError } from "commander";
import { ConfigError } from "../config/mod.ts";
import {
  describeError,
  EXIT_CODES,
  EXIT_FAILURE,
  EXIT_OK,
  EXIT_USAGE,
  Failure,
  printable,
} from "./terminal/failure.ts";
import { paintNote } from "./terminal/output.ts";
import { buildProgram } from "./program.ts";

/**
 * Runs the command of the arguments.
 *
 * @returns the exit code of the process, one of {@link EXIT_CODES}
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = buildProgram();
  if (args.length === 0) {
    program.outputHelp();
    return EXIT_OK;
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT_OK;
  } catch (error) {
    return report(error);
  }
}

/** Prints an error on stderr, except those of the argument parser, which prints them itself. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof ConfigError) {
    for (const fault of error.faults) printError(fault);
    console.error(`${paintNote("dim", "next:")} run invoked serve --help for all settings`);
    return EXIT_USAGE;
  }
  if (!(error instanceof Failure)) {
    printError(describeError(error));
    return EXIT_FAILURE;
  }
  printError(printable(error.message));
  if (error.next !== undefined) {
    console.error(`${paintNote("dim", "next:")} ${printable(error.next)}`);
  }
  return EXIT_CODES[error.exit].code;
}

function printError(message: string): void {
  console.error(`${paintNote("red", "error:")} ${message}`);
}
