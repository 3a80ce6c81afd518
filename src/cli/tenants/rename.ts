import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { TENANT_ARGUMENT, TENANT_HELP } from "./arguments.ts";

/** `invoked tenants rename`: renames a C1 tenant. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP).argument("<new-name>", "Its new name");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked tenants rename acme acme-test");
  command.action(async (name: string, newName: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const tenant = await api.tenants.find(name);
    const renamed = await api.tenants.rename(tenant, newName);
    if (json) printJson(renamed);
    else console.log(`Renamed tenant ${oneLine(tenant.name)} to ${oneLine(renamed.name)}`);
  });
}
