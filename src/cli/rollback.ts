import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import { findCommit } from "./client/find.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { publish } from "./publish.ts";
import { Failure } from "./terminal/failure.ts";

/** Publishes that are searched for the one before the published commit. */
const MAX_PUBLISHES = 1000;

/** `invoked rollback`: publishes a commit again that was published before. */
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .option(
      "--to <COMMIT>",
      "Id or tag of the commit [default the previously published one]",
    );
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked rollback hello", "invoked rollback hello --to v1");
  command.action(
    async (name: string | undefined, { to, json }: { readonly to?: string; json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, name);
      const reference = to === undefined
        ? await publishedBefore(api, fn)
        : await findCommit(api, fn, to);
      const { commit } = await api.commit(fn, reference);
      await publish(api, fn, commit, json ?? false);
    },
  );
}

/** The commit that was published last, besides the one that is published now. */
async function publishedBefore(api: Api, fn: RemoteFunction): Promise<string> {
  const publishes = await needsAddition(
    "the history of publishes",
    api.publishes(fn, MAX_PUBLISHES),
    "name the commit with --to",
  );
  const earlier = publishes.find(({ commitId }) =>
    commitId !== undefined && commitId !== fn.publishedCommitId
  );
  if (earlier?.commitId !== undefined) return earlier.commitId;
  const what = `Cannot roll back ${fn.displayName}`;
  if (publishes.length === 0) {
    throw new Failure(`${what}: no commit was ever published`, {
      next: "publish a commit with invoked publish",
    });
  }
  throw new Failure(`${what}: no other commit was published before`, {
    next: "list the commits with invoked show, and name one with --to",
  });
}
