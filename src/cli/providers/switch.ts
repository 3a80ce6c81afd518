import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

export const PROVIDER_ARGUMENT = "<provider>";
export const PROVIDER_HELP = "Name, issuer, id, or 6 or more first characters of the id";

/** Makes a command that disables or enables a provider. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command.argument(PROVIDER_ARGUMENT, PROVIDER_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked providers ${verb} github`);
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const found = await api.federation.findProvider(name);
    const provider = await api.federation.setProviderDisabled(found, verb === "disable");
    if (json) return printJson(provider);
    const done = verb === "disable" ? "Disabled" : "Enabled";
    console.log(`${done} provider ${oneLine(provider.displayName)} (${provider.id})`);
  });
}
