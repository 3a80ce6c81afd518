import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import {
  CLIENT_ID_FLAG,
  CLIENT_ID_HELP,
  CREDENTIAL_FLAG,
  CREDENTIAL_HELP,
  credentialOf,
  readClient,
  TENANT_ARGUMENT,
  TENANT_HELP,
} from "./arguments.ts";

interface Options {
  readonly clientId: string;
  readonly credential?: string;
  readonly json?: true;
}

/** `invoked tenants rotate`: replaces the client of a credential. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP)
    .requiredOption(CLIENT_ID_FLAG, CLIENT_ID_HELP)
    .option(CREDENTIAL_FLAG, CREDENTIAL_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, 'printf %s "$SECRET" | invoked tenants rotate acme --client-id ID');
  command.action(async (name: string, { clientId, credential: named, json }: Options) => {
    using api = await server.connect();
    const tenant = await api.tenants.find(name);
    const credential = credentialOf(tenant, named);
    const rotated = await api.tenants.rotate(tenant, credential, await readClient(clientId));
    if (json) printJson(rotated);
    else console.log(`Rotated credential ${credential.id} of tenant ${oneLine(tenant.name)}`);
  });
}
