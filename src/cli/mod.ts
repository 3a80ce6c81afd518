import { buildProgram } from "./program.ts";
import { EXIT_OK } from "./terminal/failure.ts";

/**
 * Runs the command of the arguments.
 *
 * @returns the exit code of the process, one of {@link EXIT_CODES}
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = await buildProgram(args);
  if (args.length === 0) {
    program.outputHelp();
    return EXIT_OK;
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT_OK;
  } catch (error) {
    const { report } = await import("./terminal/report.ts");
    return report(error);
  }
}
