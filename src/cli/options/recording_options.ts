import { type Command, Option } from "commander";

/** Where a local server gets the answers of the function's tenant. */
export interface RecordingOptions {
  /** A folder to record into. */
  readonly record?: string;
  /** A folder with a recording. */
  readonly replay?: string;
  /** A recording may change the tenant: nobody is asked. */
  readonly yes?: true;
}

/**
 * `--record` and `--replay`, for the commands that run a function on a local server.
 * @param others options that exclude them
 */
export function addRecordingOptions(command: Command, ...others: readonly string[]): void {
  command.addOption(
    new Option(
      "--record <FOLDER>",
      "Call the C1 tenant of the function, and record its answers, masked. The client is that of invoked login --tenant, " +
        "of the CONDUCTORONE_* variables or of invoked tenants add; the example tenant needs none",
    ).conflicts(["replay", ...others]),
  );
  command.addOption(
    new Option("--replay <FOLDER>", "Answer calls of the C1 tenant from a recording")
      .conflicts(["record", ...others]),
  );
  command.addOption(
    new Option("--yes", "With --record: let the function change the tenant without asking")
      .conflicts(["replay", ...others]),
  );
}
