import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { ROLE_ARGUMENT, ROLE_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { addRoleSettings, roleChange, type RoleOptions } from "./role_options.ts";

interface Options extends RoleOptions {
  readonly name?: string;
  readonly json?: true;
}

/** `invoked roles update`: changes a role for everybody who has it. */
export function register(command: Command): void {
  command
    .argument(ROLE_ARGUMENT, ROLE_HELP)
    .option("--name <NAME>", "New name of the role");
  addRoleSettings(command, "; '' for none");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked roles update calls-hello --function hello goodbye",
    "invoked roles update calls-hello --function ''",
  );
  command.action(async (nameOrId: string, options: Options) => {
    const { name, json } = options;
    using api = await server.connect();
    const role = await api.roles.find(nameOrId);
    const change = {
      ...name === undefined ? {} : { displayName: name },
      ...await roleChange(api, options),
    };
    if (Object.keys(change).length === 0) {
      throw new Failure("No change named: the command has no flag that changes the role", {
        next: "give --name, --permission or --function",
        exit: "usage",
      });
    }
    const changed = await api.roles.update(role, change);
    if (json) printJson(changed);
    else console.log(`Changed role ${oneLine(changed.displayName)} (${changed.id})`);
  });
}
