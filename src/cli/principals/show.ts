import type { Command } from "commander";
import { printCredentials } from "../credentials/state.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { PRINCIPAL_ARGUMENT, PRINCIPAL_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printFields, printJson, showTime } from "../terminal/output.ts";

const CREDENTIALS_SHOWN = 100;

/** `invoked principals show`: one service principal with its credentials and functions. */
export function register(command: Command): void {
  command.argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked principals show ci");
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const principal = await api.principals.find(name);
    const [credentials, functionIds] = await Promise.all([
      api.principals.credentials(principal, CREDENTIALS_SHOWN),
      api.principals.functionsOf(principal),
    ]);
    if (json) return printJson({ ...principal, credentials, functionIds });
    const functions = await Promise.all(functionIds.map(async (id) => {
      const fn = await api.functionById(id).catch(() => undefined);
      return fn === undefined ? id : oneLine(fn.displayName);
    }));
    printFields([
      ["name", principal.displayName],
      ["id", principal.id],
      ["roles", (await api.roles.namesOf(principal.roleIds)).join(", ") || "none"],
      ["state", principal.disabled ? "disabled" : "enabled"],
      ["functions", functions.join(", ") || "none"],
      ["created", showTime(principal.createdAt)],
      ["changed", showTime(principal.updatedAt)],
    ]);
    note("");
    await printCredentials(api, credentials);
  });
}
