import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

export const CLIENT_ARGUMENT = "<client>";
export const CLIENT_HELP = "Name, id, 6 or more first characters of it, or client id";

/** Makes a command that disables or enables a client. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command.argument(CLIENT_ARGUMENT, CLIENT_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked clients ${verb} ci`);
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const client = await api.clients.setDisabled(await api.clients.find(name), verb === "disable");
    if (json) printJson(client);
    else {console.log(
        `${verb}d client ${oneLine(client.displayName)} (${client.id})`.replace(
          /^./,
          (c) => c.toUpperCase(),
        ),
      );}
  });
}
