import type { Command } from "commander";
import { findCommit } from "./client/find.ts";
import type { Commit } from "./client/commit_schemas.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, COMMIT_HELP, FUNCTION } from "./options/function_argument.ts";
import { oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";

/** `invoked publish`: makes invocations run a commit. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .argument("[commit]", COMMIT_HELP);
  addFunctionAction(
    command,
    ["invoked publish hello", "invoked publish hello v1"],
    async (api, fn, reference: string | undefined, { json }: JsonFlag) => {
      const { commit } = await api.commit(fn, await findCommit(api, fn, reference ?? "HEAD"));
      await api.updateFunction(fn, { publishedCommitId: commit.id });
      printPublished(fn, commit, json ?? false);
    },
  );
}

/** Prints the commit that is published now. @param fn as it was before */
export function printPublished(
  fn: RemoteFunction,
  { id, message }: Commit,
  json: boolean,
): void {
  const before = fn.publishedCommitId;
  if (json) return printJson({ functionId: fn.id, publishedCommitId: id, before });
  const was = before === undefined || before === id ? "" : `; before it was ${before}`;
  const shown = message === "" ? "" : ` (${oneLine(message)})`;
  console.log(`Published ${oneLine(fn.displayName)} ${id}${shown}${was}`);
}
