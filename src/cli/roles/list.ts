import type { Command } from "commander";
import { countOf } from "../../config/mod.ts";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

/** `invoked roles list`: lists the roles that the caller may see. */
export function register(command: Command): void {
  addLimitOption(command, "roles", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked roles list");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.roles.list(limit);
    if (json) return printJson(list);
    printTable(
      ["NAME", "ID", "DESCRIPTION", "PERMISSIONS", "FUNCTIONS"],
      list.map((role) => [
        role.name,
        role.id,
        role.systemBuiltin ? role.displayName : "",
        String(role.permissions.length),
        role.functionIds.length === 0 ? "all" : countOf(role.functionIds.length, "function"),
      ]),
      "No roles",
    );
  });
}
