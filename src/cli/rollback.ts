import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { MissingEndpoint, needsAddition } from "./client/api_error.ts";
import { findCommit } from "./client/find.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { addFunctionAction, FUNCTION } from "./options/function_argument.ts";
import { printPublished } from "./publish.ts";

/** `invoked rollback`: publishes a commit again that was published before. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .option(
      "--to <COMMIT>",
      "Id or tag of the commit [default the previously published one; each rollback goes further back]",
    );
  addFunctionAction(
    command,
    ["invoked rollback hello", "invoked rollback hello --to v1"],
    async (api, fn, { to, json }: { readonly to?: string; json?: true }) => {
      const commitId = await rollBack(api, fn, to);
      const { commit } = await api.commit(fn, commitId);
      printPublished(fn, commit, json ?? false);
    },
  );
}

/** Answers the id of the commit that is published now. */
async function rollBack(api: Api, fn: RemoteFunction, to: string | undefined): Promise<string> {
  const named = to === undefined ? undefined : await findCommit(api, fn, to);
  try {
    const rolledBack = await needsAddition(
      "the history of publishes",
      api.publishes.rollBack(fn, named),
      "name the commit with --to",
    );
    return rolledBack.publishedCommitId ?? "";
  } catch (error) {
    if (named === undefined || !(error instanceof MissingEndpoint)) throw error;
    // A server without this addition to C1's API can publish any commit.
    const { commit } = await api.commit(fn, named);
    await api.updateFunction(fn, { publishedCommitId: commit.id });
    return commit.id;
  }
}
