import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import {
  CLIENT_ID_FLAG,
  CLIENT_ID_HELP,
  readClient,
  TENANT_ARGUMENT,
  TENANT_HELP,
} from "./arguments.ts";

interface Options {
  readonly clientId: string;
  readonly json?: true;
}

/** `invoked tenants credentials add`: adds a credential that functions may name. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP).requiredOption(CLIENT_ID_FLAG, CLIENT_ID_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, 'printf %s "$SECRET" | invoked tenants credentials add acme --client-id ID');
  command.action(async (name: string, { clientId, json }: Options) => {
    using api = await server.connect();
    const tenant = await api.tenants.find(name);
    const changed = await api.tenants.addCredential(tenant, await readClient(clientId));
    const added = changed.credentials.at(-1);
    if (json) printJson(changed);
    else console.log(`Added credential ${added?.id} to tenant ${oneLine(tenant.name)}`);
  });
}
