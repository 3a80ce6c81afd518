import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { PRINCIPAL_ARGUMENT, PRINCIPAL_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";

/** `invoked principals delete`: deletes a service principal with its credentials. */
export function register(command: Command): void {
  command.argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked principals delete ci --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const principal = await api.principals.find(name);
    const shown = `service principal ${oneLine(principal.displayName)} (${principal.id})`;
    const question = `Delete ${shown} with its credentials on ${api.url}?`;
    if (!yes && !await askForYes(question, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.principals.delete(principal);
    if (json) printJson({ id: principal.id, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
