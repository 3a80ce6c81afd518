import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  addRoleOption,
  addSourceOption,
  CREDENTIAL_ARGUMENT,
  CREDENTIAL_HELP,
  PRINCIPAL_ARGUMENT,
  PRINCIPAL_HELP,
  valuesGiven,
} from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { printCredentials } from "./state.ts";

interface Options {
  readonly name?: string;
  readonly role?: readonly string[];
  readonly source?: readonly string[];
  readonly json?: true;
}

/** `invoked credentials update`: changes the name and the limits of a credential. */
export function register(command: Command): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .argument(CREDENTIAL_ARGUMENT, CREDENTIAL_HELP)
    .option("--name <NAME>", "New name of the credential");
  addRoleOption(command, "the credential, which limit it", "; '' for all rights of the principal");
  addSourceOption(command, "; '' for all addresses");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked credentials update ci cron --source 192.0.2.0/24",
    "invoked credentials update ci cron --role ''",
  );
  command.action(async (principalName: string, name: string, options: Options) => {
    const roles = valuesGiven(options.role);
    using api = await server.connect();
    const principal = await api.principals.find(principalName);
    const credential = await api.principals.findCredential(principal, name);
    const scopedRoleIds = roles && await api.roles.idsOf(roles);
    const allowSourceCidrs = valuesGiven(options.source);
    const change = {
      ...options.name === undefined ? {} : { displayName: options.name },
      ...scopedRoleIds === undefined ? {} : { scopedRoleIds },
      ...allowSourceCidrs === undefined ? {} : { allowSourceCidrs },
    };
    if (Object.keys(change).length === 0) {
      throw new Failure("No change named: the command has no flag that changes the credential", {
        next: "give --name, --role or --source",
        exit: "usage",
      });
    }
    const changed = await api.principals.updateCredential(principal, credential, change);
    if (options.json) printJson(changed);
    else await printCredentials(api, [changed]);
  });
}
