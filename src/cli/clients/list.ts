import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import type { Client } from "../client/schemas.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

function stateOf({ disabled, expiresTime }: Client): string {
  if (expiresTime !== undefined && Date.parse(expiresTime) <= Date.now()) return "expired";
  return disabled ? "disabled" : "enabled";
}

/** `invoked clients list`: lists the clients of the caller. */
export function register(command: Command): void {
  addLimitOption(command, "clients", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked clients list");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.clients.list(limit);
    if (json) return printJson(list);
    const rows = await Promise.all(list.map(async (client) => [
      client.displayName,
      client.id,
      client.clientId,
      (await api.roles.namesOf(client.scopedRoles)).join(", ") || "all",
      stateOf(client),
      client.expiresTime === undefined ? "never" : showTime(client.expiresTime),
      showTime(client.createdAt),
    ]));
    printTable(
      ["NAME", "ID", "CLIENT ID", "ROLES", "STATE", "EXPIRES", "CREATED"],
      rows,
      "No clients",
    );
  });
}
