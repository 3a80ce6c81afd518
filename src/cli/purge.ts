import { type Command, Option } from "commander";
import { join } from "node:path/posix";
import { commitPath, folderOf } from "../builder/source_tree.ts";
import { countOf } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import type { PurgeSelection } from "./client/purges.ts";
import { needsAddition } from "./client/api_error.ts";
import { findCommit } from "./client/find.ts";
import type { PurgeSize, RemoteFunction } from "./client/schemas.ts";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "./options/common_options.ts";
import { functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { TIME_HELP, timeOption } from "./options/time.ts";
import { Failure, oneLine } from "./terminal/failure.ts";
import { note, printJson, sizeInWords, timeInWords } from "./terminal/output.ts";
import { askForYes } from "./terminal/prompts.ts";
import { purgeExpired } from "./purge_expired.ts";

const WHAT = "purges";

interface Options {
  readonly before?: string;
  readonly commit?: string;
  readonly file?: string;
  readonly allFunctions?: true;
  readonly expired?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked purge`: erases invocations, files of commits, or what is beyond its retention, for good. */
export function register(command: Command): void {
  command
    .argument(
      "[function]",
      "Name or id of the function; . is the function of this folder's invoked.json",
    )
    .addOption(
      timeOption("--before", `Purge invocations that ended before this time: ${TIME_HELP}`)
        .conflicts(["commit", "file"]),
    )
    .option("--file <PATH>", "Purge this file, and files of the same content, of every commit")
    .option("--commit <COMMIT>", "Purge only this commit; without --file, all of its files")
    .addOption(
      new Option("--all-functions", "Purge invocations of all functions")
        .conflicts(["commit", "file"]),
    )
    .addOption(
      new Option("--expired", "Purge at once all data that is beyond its retention")
        .conflicts(["before", "commit", "file", "allFunctions"]),
    )
    .option("--dry-run", "Print what the purge would erase, without erasing anything");
  addYesOption(command, "Purge without asking");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked purge hello --before 30d --dry-run",
    "invoked purge --all-functions --before 90d --yes",
    "invoked purge hello --file .env",
    "invoked purge --expired --dry-run",
  );
  command.action(async (name: string | undefined, options: Options) => {
    checkUsage(name, options);
    using api = await server.connect();
    if (options.expired) return await purgeExpired(api, options);
    const fn = name === undefined ? undefined : await functionOf(api, name);
    await purge(api, fn, await selectionOf(api, fn, options), options);
  });
}

function checkUsage(
  name: string | undefined,
  { before, commit, file, allFunctions, expired }: Options,
): void {
  if (expired) {
    if (name === undefined) return;
    throw new Failure("Nothing was purged: --expired takes no function", {
      next: "leave out the function: each kind of data has its own retention",
      exit: "usage",
    });
  }
  if ((name === undefined) !== (allFunctions ?? false)) {
    throw new Failure(
      "Nothing was purged: the command needs either a function or --all-functions",
      {
        next:
          "name the function of a commit or file; --all-functions with --before purges invocations of all functions",
        exit: "usage",
      },
    );
  }
  if (before === undefined && commit === undefined && file === undefined) {
    throw new Failure("Nothing was purged: the command needs --before, --file or --commit", {
      next: "give --before 30d for invocations, or --file PATH for a file of commits",
      exit: "usage",
    });
  }
}

async function selectionOf(
  api: Api,
  fn: RemoteFunction | undefined,
  { before, commit, file }: Options,
): Promise<PurgeSelection> {
  return {
    ...before === undefined ? {} : { before },
    ...commit === undefined || fn === undefined
      ? {}
      : { commitId: await findCommit(api, fn, commit) },
    ...file === undefined ? {} : { path: await pathInCommits(api, fn, file) },
  };
}

/** The path in commits of a file that the author may name from the function's folder, such as `../shared/text.ts`. */
async function pathInCommits(
  api: Api,
  fn: RemoteFunction | undefined,
  file: string,
): Promise<string> {
  if (fn?.head === undefined || !file.startsWith("../")) return file;
  const folder = folderOf((await api.commit(fn, "HEAD")).files);
  return typeof folder === "string" ? commitPath(join(folder, file), folder) : file;
}

async function purge(
  api: Api,
  fn: RemoteFunction | undefined,
  selection: PurgeSelection,
  { dryRun, yes, json }: Options,
): Promise<void> {
  if (dryRun || !yes) {
    const size = await needsAddition(WHAT, api.purges.purge(fn, { ...selection, dryRun: true }));
    const isNothing = size.invocations + size.files === 0;
    if (dryRun || isNothing) {
      if (json) return printJson(size);
      console.log(
        isNothing ? "Nothing to purge" : `Would purge ${describe(size, fn, selection)}`,
      );
      return noteCommits(size, "will not run any more", selection);
    }
    noteCommits(size, "will not run any more", selection);
    const question = `Purge ${describe(size, fn, selection)} on ${api.url}, for good?`;
    if (!await askForYes(question, YES_HINT)) throw new Failure("Cancelled: nothing was purged");
  }
  const purged = await needsAddition(WHAT, api.purges.purge(fn, selection));
  if (json) return printJson(purged);
  console.log(`Purged ${describe(purged, fn, selection)}`);
  noteCommits(purged, "cannot run any more", selection);
}

function describe(
  { invocations, files, bytes, commitIds }: PurgeSize,
  fn: RemoteFunction | undefined,
  { before }: PurgeSelection,
): string {
  const of = fn === undefined ? "all functions" : `${oneLine(fn.displayName)} (${fn.id})`;
  const size = sizeInWords(bytes);
  return before === undefined
    ? `${countOf(files, "file")} (${size}) in ${countOf(commitIds.length, "commit")} of ${of}`
    : `${countOf(invocations, "invocation")} (${size}) of ${of} that ended before ${
      timeInWords(before)
    }`;
}

/** Says what purged files mean for their commits, and where the content remains. */
function noteCommits(
  { commitIds, remaining }: PurgeSize,
  meaning: string,
  { commitId, path }: PurgeSelection,
): void {
  if (commitIds.length > 0) note(`These commits ${meaning}: ${commitIds.join(", ")}`);
  for (const other of remaining) {
    note(
      `The same content remains in ${oneLine(other.path)} of commit ${other.commitId}, ` +
        `function ${other.functionId}`,
    );
  }
  if (remaining.length > 0 && commitId !== undefined && path !== undefined) {
    note("Without --commit it is purged from every commit of the function");
  }
}
