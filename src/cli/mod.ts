import { Command, CommanderError } from "commander";
import project from "../../package.json" with { type: "json" };
import { ConfigError } from "../config/mod.ts";
import { registerConfig } from "./config.ts";
import { registerDoctor } from "./doctor.ts";
import { describeError, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from "./failure.ts";
import { registerKeys } from "./keys.ts";
import { registerServe } from "./serve.ts";
import { registerToken } from "./token.ts";

/**
 * Runs the command that the arguments name and returns the exit code of the process:
 * 0 for success, 1 for a failure, 2 for arguments or settings that cannot be used.
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

function buildProgram(): Command {
  const program = new Command("invoked")
    .description(project.description)
    .version(`invoked ${project.version}`)
    .showHelpAfterError("Run invoked --help, or invoked <command> --help, for what is accepted")
    .addHelpText("after", "\nExit codes: 0 success, 1 failure, 2 unusable arguments or settings")
    .exitOverride();
  registerServe(program);
  registerConfig(program);
  registerToken(program);
  registerDoctor(program);
  registerKeys(program);
  return program;
}

/** Tells an error on stderr, but for those of the argument parser, which has told them itself. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof ConfigError) {
    for (const fault of error.faults) console.error(`error: ${fault}`);
    console.error("Run invoked serve --help for all settings");
    return EXIT_USAGE;
  }
  console.error(`error: ${describeError(error)}`);
  return EXIT_FAILURE;
}
