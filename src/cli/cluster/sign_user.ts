import type { Command } from "commander";
import type { ClusterUser } from "../../compose/credentials.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { printJson } from "../terminal/output.ts";
import { addUserArguments } from "./user.ts";

interface Options {
  readonly json?: true;
}

/** `invoked cluster sign-user`: signs a user of NATS for a node. */
export function register(command: Command): void {
  command.argument("<keys>", "Directory with account.pub and the signing key of the role");
  addUserArguments(command);
  command.argument("<file>", "The file to write, for --nats-credentials");
  addJsonOption(command);
  addExamples(command, "invoked cluster sign-user ./made/nats worker w1 w1.creds");
  command.action(
    async (
      keys: string,
      role: ClusterUser["role"],
      name: string,
      file: string,
      { json }: Options,
    ) => {
      const { signUserFile } = await import("../../compose/credentials.ts");
      await signUserFile(keys, { role, name }, file);
      if (json) return printJson({ file });
      console.log(file);
    },
  );
}
