import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption } from "../options/common_options.ts";
import {
  CREDENTIAL_ARGUMENT,
  CREDENTIAL_HELP,
  PRINCIPAL_ARGUMENT,
  PRINCIPAL_HELP,
} from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";

/** `invoked credentials revoke`: ends a credential with its access tokens. */
export function register(command: Command): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .argument(CREDENTIAL_ARGUMENT, CREDENTIAL_HELP);
  addYesOption(command, "Revoke without asking");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked credentials revoke ci cron --yes");
  command.action(
    async (
      principalName: string,
      name: string,
      { yes, json }: { readonly yes?: true; json?: true },
    ) => {
      using api = await server.connect();
      const principal = await api.principals.find(principalName);
      const credential = await api.principals.findCredential(principal, name);
      const { id, displayName } = credential;
      const shown = oneLine(`credential ${displayName} (${id}) of ${principal.displayName}`);
      const question = `Revoke ${shown} on ${api.url}?`;
      if (!yes && !await askForYes(question, "give --yes to revoke without asking")) {
        throw new Failure("Cancelled: nothing was revoked");
      }
      await api.principals.revokeCredential(principal, credential);
      if (json) printJson({ id, revoked: true });
      else console.log(`Revoked ${shown}`);
    },
  );
}
