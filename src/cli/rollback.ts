import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { commitReference } from "./client/find.ts";
import type { Commit, RemoteFunction } from "./client/schemas.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { publish } from "./publish.ts";
import { Failure } from "./terminal/failure.ts";

/** Commits that are searched for the one before the published one. */
const MAX_COMMITS = 10_000;

/** `invoked rollback`: publishes an older commit. */
export function registerRollback(program: Command): void {
  const command = program.command("rollback")
    .description("Publish the commit before the published one, or another older one")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .option("--to <COMMIT>", "Id or tag of the commit [default the one before the published one]");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked rollback hello", "invoked rollback hello --to v1");
  command.action(
    async (name: string | undefined, { to, json }: { readonly to?: string; json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, name);
      const commit = to === undefined
        ? await commitBefore(api, fn)
        : (await api.commit(fn, commitReference(to))).commit;
      await publish(api, fn, commit, json ?? false);
    },
  );
}

async function commitBefore(api: Api, fn: RemoteFunction): Promise<Commit> {
  const { publishedCommitId, displayName } = fn;
  if (publishedCommitId === undefined) {
    throw new Failure(`Cannot roll back ${displayName}: no commit is published`, {
      next: "publish a commit with invoked publish",
    });
  }
  const commits = await api.commits(fn, MAX_COMMITS);
  const position = commits.findIndex(({ id }) => id === publishedCommitId);
  const older = position === -1 ? undefined : commits[position + 1];
  if (older !== undefined) return older;
  throw new Failure(`Cannot roll back ${displayName}: no commit is older than the published one`, {
    next: "list the commits with invoked show, and name one with --to",
  });
}
