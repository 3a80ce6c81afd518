import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { CLIENT_ARGUMENT, CLIENT_HELP } from "./client_argument.ts";

/** `invoked clients delete`: deletes a client. */
export function register(command: Command): void {
  command.argument(CLIENT_ARGUMENT, CLIENT_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked clients delete ci --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const client = await api.clients.find(name);
    const shown = `client ${oneLine(client.displayName)} (${client.id})`;
    if (!yes && !await askForYes(`Delete ${shown} on ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.clients.delete(client);
    if (json) printJson({ id: client.id, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
