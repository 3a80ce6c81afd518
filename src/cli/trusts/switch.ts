import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { TRUST_ARGUMENT, TRUST_HELP } from "./trust_options.ts";

/** Makes a command that disables or enables a trust. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command.argument(TRUST_ARGUMENT, TRUST_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked trusts ${verb} deploy`);
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const found = await api.federation.findTrust(name);
    const trust = await api.federation.updateTrust(found, { disabled: verb === "disable" });
    if (json) return printJson(trust);
    const done = verb === "disable" ? "Disabled" : "Enabled";
    console.log(`${done} trust ${oneLine(trust.displayName)} (${oneLine(trust.clientId)})`);
  });
}
