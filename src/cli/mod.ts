import { buildProgram } from "./program.ts";
import { EXIT_OK } from "./terminal/failure.ts";
import { report } from "./terminal/report.ts";

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
