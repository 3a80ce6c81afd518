import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { PROVIDER_ARGUMENT, PROVIDER_HELP } from "./switch.ts";

/** `invoked providers delete`: deletes a provider that no trust uses. */
export function register(command: Command): void {
  command.argument(PROVIDER_ARGUMENT, PROVIDER_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked providers delete github --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const provider = await api.federation.findProvider(name);
    const shown = `provider ${oneLine(provider.displayName)} (${provider.id})`;
    if (!yes && !await askForYes(`Delete ${shown} on ${api.url}?`, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.federation.deleteProvider(provider);
    if (json) printJson({ id: provider.id, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
