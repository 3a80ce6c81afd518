import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

/** `invoked principals list`: lists service principals. */
export function register(command: Command): void {
  addLimitOption(command, "service principals", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked principals list");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.principals.list(limit);
    if (json) return printJson(list);
    const rows = await Promise.all(list.map(async (principal) => [
      principal.displayName,
      principal.id,
      (await api.roles.namesOf(principal.roleIds)).join(", ") || "none",
      principal.disabled ? "disabled" : "enabled",
      showTime(principal.createdAt),
    ]));
    printTable(["NAME", "ID", "ROLES", "STATE", "CREATED"], rows, "No service principals");
  });
}
