import type { Command } from "commander";
import type { ClusterUser } from "../../compose/credentials.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { printJson } from "../terminal/output.ts";
import { addUserArguments } from "./user.ts";

interface Options {
  readonly json?: true;
}

/** `invoked cluster add-user`: makes a user of NATS that its configuration lists. */
export function register(command: Command): void {
  command.argument("<directory>", "Directory of users.conf and of the keys");
  addUserArguments(command);
  addJsonOption(command);
  addExamples(command, "invoked cluster add-user /etc/nats worker w1");
  command.action(
    async (directory: string, role: ClusterUser["role"], name: string, { json }: Options) => {
      const { addNkeyUser } = await import("../../compose/credentials.ts");
      const file = await addNkeyUser(directory, { role, name });
      if (json) return printJson({ file });
      console.log(file);
    },
  );
}
