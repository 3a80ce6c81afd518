import type { Command } from "commander";
import { printJson, printTable, showTime } from "./terminal/output.ts";
import { addExamples, addJsonOption, addLimitOption } from "./options/common_options.ts";
import { addServerOptions } from "./options/server_options.ts";

const DEFAULT_LIMIT = 100;

interface Options {
  readonly query?: string;
  readonly limit: number;
  readonly json?: true;
}

/** `invoked list`: the functions of the server. */
export function register(command: Command): void {
  command
    .option("--query <TEXT>", "List only functions with this text in name or description");
  addLimitOption(command, "functions", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked list", "invoked list --query mail --json");
  command.action(async ({ query = "", limit, json }: Options) => {
    using api = await server.connect();
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
  });
}
