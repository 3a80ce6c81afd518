import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { PRINCIPAL_ARGUMENT, PRINCIPAL_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson } from "../terminal/output.ts";
import { printCredentials } from "./state.ts";

const DEFAULT_LIMIT = 100;

/** `invoked credentials list`: lists the credentials of a service principal. */
export function register(command: Command): void {
  command.argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP);
  addLimitOption(command, "credentials", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked credentials list ci");
  command.action(async (name: string, { limit, json }: { readonly limit: number; json?: true }) => {
    using api = await server.connect();
    const list = await api.principals.credentials(await api.principals.find(name), limit);
    if (json) printJson(list);
    else await printCredentials(api, list);
  });
}
