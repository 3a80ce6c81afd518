import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { PRINCIPAL_ARGUMENT, PRINCIPAL_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** Makes a command that disables or enables a service principal. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command.argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked principals ${verb} ci`);
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const disabled = verb === "disable";
    const found = await api.principals.find(name);
    const principal = await api.principals.update(found, { disabled });
    if (json) return printJson(principal);
    const done = disabled ? "Disabled" : "Enabled";
    console.log(`${done} service principal ${oneLine(principal.displayName)} (${principal.id})`);
  });
}
