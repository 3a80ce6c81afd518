import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { printJson } from "../terminal/output.ts";

interface Options {
  readonly json?: true;
}

/** `invoked cluster credentials`: makes the keys, certificates and passwords of a cluster. */
export function register(command: Command): void {
  command.argument("<directory>", "Where the credentials are made; existing ones are kept");
  command.argument(
    "[hosts...]",
    "Names and addresses of PostgreSQL and NATS, for their certificate",
  );
  addJsonOption(command);
  addExamples(command, "invoked cluster credentials ./made postgres.internal nats.internal");
  command.action(async (directory: string, hosts: readonly string[], { json }: Options) => {
    const { makeCredentials } = await import("../../compose/credentials.ts");
    await makeCredentials(directory, hosts);
    if (json) return printJson({ directory });
    console.log(`The credentials are in ${directory}`);
  });
}
