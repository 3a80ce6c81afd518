import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { commitReference } from "./client/find.ts";
import type { Commit, RemoteFunction } from "./client/schemas.ts";
import { Failure, oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  FUNCTION_ARGUMENT,
  FUNCTION_HELP,
  functionOf,
} from "./options/server_options.ts";

/** Commits that are looked through for the one before the published one. */
const MAX_COMMITS = 10_000;

/** `invoked publish`: makes a commit the one that calls run. */
export function registerPublish(program: Command): void {
  const command = program.command("publish")
    .description("Make a commit the one that calls run")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[commit]", "Id, HEAD or tag of the commit [HEAD]");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked publish hello", "invoked publish hello v1");
  command.action(
    async (name: string | undefined, reference = "HEAD", { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, name);
      const { commit } = await api.commit(fn, commitReference(reference));
      await publish(api, fn, commit, json ?? false);
    },
  );
}

/** `invoked rollback`: publishes an older commit. */
export function registerRollback(program: Command): void {
  const command = program.command("rollback")
    .description("Publish the commit before the published one, or an older one that is named")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .option("--to <COMMIT>", "Id or tag of the commit [the newest one older than the published]");
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

async function publish(
  api: Api,
  fn: RemoteFunction,
  { id, message }: Commit,
  json: boolean,
): Promise<void> {
  await api.updateFunction(fn, { publishedCommitId: id });
  const before = fn.publishedCommitId;
  if (json) return printJson({ functionId: fn.id, publishedCommitId: id, before });
  const was = before === undefined || before === id ? "" : `; before it was ${before}`;
  const told = message === "" ? "" : ` (${oneLine(message)})`;
  console.log(`Published ${oneLine(fn.displayName)} ${id}${told}${was}`);
}

async function commitBefore(api: Api, fn: RemoteFunction): Promise<Commit> {
  const { publishedCommitId, displayName } = fn;
  if (publishedCommitId === undefined) {
    throw new Failure(`Cannot roll back ${displayName}: nothing is published`, {
      next: "publish a commit with invoked publish",
    });
  }
  const commits = await api.commits(fn, MAX_COMMITS);
  const place = commits.findIndex(({ id }) => id === publishedCommitId);
  const older = place === -1 ? undefined : commits[place + 1];
  if (older !== undefined) return older;
  throw new Failure(`Cannot roll back ${displayName}: no commit is older than the published one`, {
    next: "list the commits with invoked show, and name one with --to",
  });
}
