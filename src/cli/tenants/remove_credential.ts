import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { credentialOf, FORCE_HELP, lostAccess, TENANT_ARGUMENT, TENANT_HELP } from "./arguments.ts";

interface Options {
  readonly force?: boolean;
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked tenants credentials remove`: removes a credential, but not the oldest one. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP)
    .argument("<credential>", "Id or client id of the credential")
    .option("--force", FORCE_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked tenants credentials remove acme CREDENTIAL --yes");
  command.action(async (name: string, named: string, { force = false, yes, json }: Options) => {
    using api = await server.connect();
    const tenant = await api.tenants.find(name);
    const credential = credentialOf(tenant, named);
    const shown = `credential ${credential.id} of tenant ${oneLine(tenant.name)}`;
    if (!yes && !await askForYes(`Remove ${shown} from ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was removed");
    }
    const functions = await api.tenants.removeCredential(tenant, credential, force);
    if (json) printJson({ id: credential.id, deleted: true, functions });
    else console.log(`Removed ${shown}${lostAccess(functions)}`);
  });
}
