import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { TRUST_ARGUMENT, TRUST_HELP } from "./trust_options.ts";

/** `invoked trusts delete`: deletes a trust. */
export function register(command: Command): void {
  command.argument(TRUST_ARGUMENT, TRUST_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trusts delete deploy --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const trust = await api.federation.findTrust(name);
    const shown = `trust ${oneLine(trust.displayName)} (${oneLine(trust.clientId)})`;
    if (!yes && !await askForYes(`Delete ${shown} on ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.federation.deleteTrust(trust);
    if (json) printJson({ clientId: trust.clientId, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
