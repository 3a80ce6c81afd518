import type { Command } from "commander";
import { printJson, printTable, showTime } from "./terminal/output.ts";
import { addApiAction } from "./options/api_command.ts";
import { addLimitOption, type ListFlags } from "./options/common_options.ts";

const DEFAULT_LIMIT = 100;

interface Options extends ListFlags {
  readonly query?: string;
}

/** `invoked list`: the functions of the server. */
export function register(command: Command): void {
  command
    .option("--query <TEXT>", "List only functions with this text in name or description");
  addLimitOption(command, "functions", DEFAULT_LIMIT);
  addApiAction(
    command,
    ["invoked list", "invoked list --query mail --json"],
    async (api, { query = "", limit, json }: Options) => {
      const functions = await api.search(query, limit);
      if (json) return printJson(functions);
      printTable(
        ["NAME", "ID", "PUBLISHED", "HEAD", "CHANGED"],
        functions.map(({ displayName, id, publishedCommitId, head, updatedAt }) => [
          displayName,
          id,
          publishedCommitId === undefined
            ? "-"
            : publishedCommitId === head
            ? "head"
            : publishedCommitId,
          head ?? "-",
          showTime(updatedAt),
        ]),
        "No functions; deploy one with invoked deploy",
      );
    },
  );
}
