import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { PRINCIPAL_ARGUMENT, PRINCIPAL_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** `invoked principals rename`: renames a service principal. */
export function register(command: Command): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .argument("<new-name>", "Its new name");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked principals rename ci deploy");
  command.action(async (name: string, displayName: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const principal = await api.principals.find(name);
    const renamed = await api.principals.update(principal, { displayName });
    if (json) printJson(renamed);
    else {
      console.log(`Renamed ${oneLine(principal.displayName)} to ${oneLine(renamed.displayName)}`);
    }
  });
}
