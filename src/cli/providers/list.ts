import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

/** `invoked providers list`: lists the providers of workload identities. */
export function register(command: Command): void {
  addLimitOption(command, "providers", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked providers list");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.federation.providers(limit);
    if (json) return printJson(list);
    printTable(
      ["NAME", "ID", "ISSUER", "STATE", "CREATED"],
      list.map(({ displayName, id, issuerUrl, disabled, createdAt }) => [
        displayName,
        id,
        issuerUrl,
        disabled ? "disabled" : "enabled",
        showTime(createdAt),
      ]),
      "No providers; create one with invoked providers create",
    );
  });
}
