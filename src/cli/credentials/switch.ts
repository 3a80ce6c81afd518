import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  CREDENTIAL_ARGUMENT,
  CREDENTIAL_HELP,
  PRINCIPAL_ARGUMENT,
  PRINCIPAL_HELP,
} from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** Makes a command that disables or enables a credential. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .argument(CREDENTIAL_ARGUMENT, CREDENTIAL_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked credentials ${verb} ci cron`);
  command.action(async (principalName: string, name: string, { json }: { json?: true }) => {
    using api = await server.connect();
    const principal = await api.principals.find(principalName);
    const found = await api.principals.findCredential(principal, name);
    const disabled = verb === "disable";
    const credential = await api.principals.updateCredential(principal, found, { disabled });
    if (json) return printJson(credential);
    const done = disabled ? "Disabled" : "Enabled";
    console.log(`${done} credential ${oneLine(`${credential.displayName} (${credential.id})`)}`);
  });
}
