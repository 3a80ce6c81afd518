import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { ROLE_ARGUMENT, ROLE_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";

/** `invoked roles delete`: deletes an unused role. */
export function register(command: Command): void {
  command.argument(ROLE_ARGUMENT, ROLE_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked roles delete calls-hello --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const role = await api.roles.find(name);
    const shown = `role ${oneLine(role.displayName)} (${role.id})`;
    if (!yes && !await askForYes(`Delete ${shown} on ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.roles.delete(role);
    if (json) printJson({ id: role.id, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
