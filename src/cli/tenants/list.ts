import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

/** `invoked tenants list`: lists the C1 tenants of the server. */
export function register(command: Command): void {
  addLimitOption(command, "tenants", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked tenants list");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.tenants.list(limit);
    if (json) return printJson(list);
    printTable(
      ["NAME", "HOST", "ID", "CREDENTIALS", "CREATED"],
      list.map(({ name, host, id, credentials, createdAt }) => [
        name,
        host,
        id,
        credentials.map((one) => `${one.id} (${one.clientId})`).join(", "),
        showTime(createdAt),
      ]),
      "No tenants; add one with invoked tenants add",
    );
  });
}
