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
 * Runs the command that the arguments name and returns the exit code of the process, one of
 * {@link EXIT_CODES}.
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

/** Tells an error on stderr, but for those of the argument parser, which has told them itself. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof ConfigError) {
    for (const fault of error.faults) tellError(fault);
    console.error("Run invoked serve --help for all settings");
    return EXIT_USAGE;
  }
  if (!(error instanceof Failure)) {
    tellError(describeError(error));
    return EXIT_FAILURE;
  }
  tellError(printable(error.message));
  if (error.next !== undefined) {
    console.error(`${paintNote("dim", "next:")} ${printable(error.next)}`);
  }
  return EXIT_CODES[error.exit].code;
}

function tellError(message: string): void {
  console.error(`${paintNote("red", "error:")} ${message}`);
}
