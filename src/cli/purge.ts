import { type Command, Option } from "commander";
import { join } from "node:path/posix";
import { commitPath, folderOf } from "../builder/source_tree.ts";
import { countOf } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import type { PurgeSelection } from "./client/purges.ts";
import { needsAddition } from "./client/api_error.ts";
import { findCommit } from "./client/find.ts";
import type { ExpiredData, PurgeSize, RemoteFunction } from "./client/schemas.ts";
import { addApiOptions } from "./options/api_command.ts";
import { addYesOption, needYes, type YesFlags } from "./options/common_options.ts";
import { functionOf } from "./options/function_argument.ts";
import { TIME_HELP, timeOption } from "./options/time.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import {
  note,
  printJson,
  printTable,
  showTime,
  sizeInWords,
  timeInWords,
} from "./terminal/output.ts";

const WHAT = "purges";

interface Options extends YesFlags {
  readonly before?: string;
  readonly commit?: string;
  readonly file?: string;
  readonly allFunctions?: true;
  readonly expired?: true;
  readonly dryRun?: true;
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
  const server = addApiOptions(
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
    throw new UsageFailure("Nothing was purged: --expired takes no function", {
      next: "leave out the function: each kind of data has its own retention",
    });
  }
  if ((name === undefined) !== (allFunctions ?? false)) {
    throw new UsageFailure(
      "Nothing was purged: the command needs either a function or --all-functions",
      {
        next:
          "name the function of a commit or file; --all-functions with --before purges invocations of all functions",
      },
    );
  }
  if (before === undefined && commit === undefined && file === undefined) {
    throw new UsageFailure("Nothing was purged: the command needs --before, --file or --commit", {
      next: "give --before 30d for invocations, or --file PATH for a file of commits",
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
    await needYes(yes, question, "Cancelled: nothing was purged");
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

const WHAT_EXPIRED = "purges of expired data";
const NOTHING = "Nothing is beyond its retention";

/** `invoked purge --expired`: shows what is beyond its retention, and erases it at once. */
async function purgeExpired(
  api: Api,
  { dryRun, yes, json }: YesFlags & { readonly dryRun?: true },
): Promise<void> {
  if (dryRun || !yes) {
    const found = await needsAddition(WHAT_EXPIRED, api.purges.purgeExpired(true));
    if (dryRun) return json ? printJson(found) : printExpired(found);
    const sum = sumOf(found);
    if (sum === 0) return json ? printJson([]) : console.log(NOTHING);
    printExpired(found);
    const question = `Purge these ${countOf(sum, "item")} on ${api.url}, for good?`;
    await needYes(yes, question, "Cancelled: nothing was purged");
  }
  const erased = await needsAddition(WHAT_EXPIRED, api.purges.purgeExpired(false));
  if (json) return printJson(erased.map(({ kind, count }) => ({ kind, count })));
  const rows = erased.filter(({ count }) => count > 0)
    .map(({ kind, count }) => [oneLine(kind), String(count)]);
  printTable(["PURGED", "COUNT"], rows, NOTHING);
}

function printExpired(found: readonly ExpiredData[]): void {
  const rows = found.filter(({ count }) => count > 0).map((each) => [
    oneLine(each.kind),
    String(each.count),
    each.oldest === undefined ? "-" : showTime(each.oldest),
    each.newest === undefined ? "-" : showTime(each.newest),
    oneLine(each.setting),
  ]);
  printTable(["KIND", "COUNT", "OLDEST", "NEWEST", "KEPT FOR"], rows, NOTHING);
}

function sumOf(found: readonly ExpiredData[]): number {
  return found.reduce((sum, { count }) => sum + count, 0);
}
