import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { FORCE_HELP, lostAccess, TENANT_ARGUMENT, TENANT_HELP } from "./arguments.ts";

interface Options {
  readonly force?: boolean;
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked tenants remove`: removes a C1 tenant with its credentials. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP).option("--force", FORCE_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked tenants remove acme --yes");
  command.action(async (name: string, { force = false, yes, json }: Options) => {
    using api = await server.connect();
    const tenant = await api.tenants.find(name);
    const shown = `tenant ${oneLine(tenant.name)} (${tenant.id})`;
    if (!yes && !await askForYes(`Remove ${shown} from ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was removed");
    }
    const functions = await api.tenants.remove(tenant, force);
    if (json) printJson({ id: tenant.id, deleted: true, functions });
    else console.log(`Removed ${shown}${lostAccess(functions)}`);
  });
}
