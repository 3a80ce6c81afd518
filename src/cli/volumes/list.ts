import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showBytes, showCount, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

/** `invoked volumes list`: lists the volumes of the server. */
export function register(command: Command): void {
  addLimitOption(command, "volumes", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes list", "invoked volumes list --json");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.volumes.list(limit);
    if (json) return printJson(list);
    printTable(
      ["NAME", "ID", "USED", "QUOTA", "FILES", "VERSION", "CHANGED"],
      list.map((volume) => [
        volume.displayName,
        volume.id,
        showBytes(volume.usedBytes),
        showBytes(volume.quotaBytes),
        showCount(volume.fileCount),
        String(volume.version),
        showTime(volume.updatedAt),
      ]),
      "No volumes; create one with invoked volumes create",
    );
  });
}
