import type { Command } from "commander";
import { printList, showTime } from "./terminal/output.ts";
import type { RemoteFunction } from "./client/schemas.ts";
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
  const examples = ["invoked list", "invoked list --query mail --json"];
  addApiAction(command, examples, async (api, { query = "", limit, json }: Options) => {
    const functions = await api.search(query, limit);
    await printList(json, functions, "No functions; deploy one with invoked deploy", {
      NAME: ({ displayName }) => displayName,
      ID: ({ id }) => id,
      PUBLISHED: publishedOf,
      HEAD: ({ head = "-" }) => head,
      CHANGED: ({ updatedAt }) => showTime(updatedAt),
    });
  });
}

function publishedOf({ publishedCommitId = "-", head }: RemoteFunction): string {
  return publishedCommitId === head ? "head" : publishedCommitId;
}
