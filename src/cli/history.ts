import type { Command } from "commander";
import { Option } from "commander";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import {
  durationMs,
  type Invocation,
  type Purge,
  type RemoteFunction,
  reuseName,
} from "./client/schemas.ts";
import { answerOf, shownStatus } from "./client/failures.ts";
import { printList, showBytes, showCount, showTime, timeInWords } from "./terminal/output.ts";
import { firstLine } from "./terminal/failure.ts";
import { waitOf } from "./terminal/wait.ts";
import { addLimitOption, type ListFlags } from "./options/common_options.ts";
import { addFunctionAction, FUNCTION } from "./options/function_argument.ts";
import { addSpanOptions, isWithin, type Span } from "./options/time.ts";

const DEFAULT_LIMIT = 20;
/** Publishes or purges among which a span is searched. */
const MAX_ENTRIES = 1000;
const STATUSES = ["pending", "running", "success", "error"];

interface Options extends Span, ListFlags {
  readonly status?: string;
  readonly query?: string;
  readonly publishes?: true;
  readonly purges?: true;
}

/** `invoked history`: the invocations of a function, its publishes, or its purges. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .addOption(
      new Option(
        "--status <STATUS>",
        "List only invocations with this status; HTTP responses from 500 on are errors",
      ).choices(STATUSES),
    )
    .option("--query <TEXT>", "List only invocations with this text in input, output, error or log")
    .addOption(
      new Option("--publishes", "List publishes with their commits, times and authors")
        .conflicts(["status", "query"]),
    )
    .addOption(
      new Option("--purges", "List purges with their scope, times and authors")
        .conflicts(["status", "query", "publishes"]),
    );
  addSpanOptions(command, "List only entries");
  addLimitOption(command, "entries", DEFAULT_LIMIT);
  const examples = [
    "invoked history hello",
    "invoked history hello --status error --since 1h --limit 5",
    "invoked history hello --publishes",
  ];
  addFunctionAction(command, examples, async (api, fn, options: Options) => {
    if (options.publishes) await listPublishes(api, fn, options);
    else if (options.purges) await listPurges(api, fn, options);
    else await listInvocations(api, fn, options);
  });
}

async function listInvocations(
  api: Api,
  fn: RemoteFunction,
  { limit, json, ...filter }: Options,
): Promise<void> {
  const invocations = await needsAddition(
    "the search of invocations",
    api.invocations(fn, filter, limit),
  );
  await printList(json, invocations, `${fn.displayName} has no matching invocations`, {
    INVOCATION: ({ id }) => id,
    STATUS: shownStatus,
    TRIGGER: ({ trigger }) => trigger.kind,
    ATTEMPT: attemptOf,
    REUSE: reuseName,
    CREATED: ({ createdAt }) => showTime(createdAt),
    TOOK: took,
    COMMIT: ({ commitId }) => commitId,
    RESULT: summary,
  });
}

async function listPublishes(api: Api, fn: RemoteFunction, options: Options): Promise<void> {
  const publishes = await entriesWithin(
    options,
    (read) => needsAddition("the history of publishes", api.publishes.list(fn, read)),
    ({ publishedAt }) => publishedAt,
  );
  const empty = options.since ?? options.until
    ? `${fn.displayName} was not published in that time`
    : `${fn.displayName} was never published`;
  await printList(options.json, publishes, empty, {
    PUBLISHED: ({ publishedAt }) => publishedAt === undefined ? "-" : showTime(publishedAt),
    COMMIT: ({ commitId }) => commitId ?? "none: unpublished",
    BEFORE: ({ previousCommitId }) => previousCommitId ?? "-",
    BY: ({ publishedBy }) => publishedBy ?? "-",
    MESSAGE: ({ message }) => message,
  });
}

async function listPurges(api: Api, fn: RemoteFunction, options: Options): Promise<void> {
  const purges = await entriesWithin(
    options,
    (read) => needsAddition("the history of purges", api.purges.list(fn, read)),
    ({ purgedAt }) => purgedAt,
  );
  await printList(options.json, purges, `${fn.displayName} has no matching purges`, {
    PURGED: ({ purgedAt }) => showTime(purgedAt),
    BY: ({ purgedBy }) => purgedBy,
    WHAT: whatOf,
    INVOCATIONS: ({ invocations }) => showCount(invocations),
    FILES: ({ files }) => showCount(files),
    SIZE: ({ bytes }) => showBytes(bytes),
  });
}

/** The newest entries within the span. The server searches none, so more entries are read. */
async function entriesWithin<Entry>(
  { limit, ...span }: Options,
  list: (limit: number) => Promise<readonly Entry[]>,
  timeOf: (entry: Entry) => string | undefined,
): Promise<readonly Entry[]> {
  const all = await list(span.since ?? span.until ? MAX_ENTRIES : limit);
  return all.filter((entry) => isWithin(span, timeOf(entry))).slice(0, limit);
}

function whatOf({ before, commitId, path, allFunctions, finishedAt }: Purge): string {
  const what = before !== undefined
    ? `${allFunctions ? "all functions, " : ""}ended before ${timeInWords(before)}`
    : `${path ?? "all files"} of ${commitId ?? "every commit"}`;
  return finishedAt === undefined ? `${what} (under way)` : what;
}

function took(invocation: Invocation): string {
  const ms = durationMs(invocation);
  return ms === undefined ? "-" : `${showCount(ms)} ms`;
}

function attemptOf({ attempt = 0, maxAttempts = 1 }: Invocation): string {
  return attempt === 0 ? "-" : `${attempt} of ${maxAttempts}`;
}

function outputOf({ http, output }: Invocation): string {
  return output === undefined || http !== undefined ? "" : JSON.stringify(output);
}

const SUMMARY_CHARS = 60;

function summary(invocation: Invocation): string {
  const wait = waitOf(invocation);
  if (wait !== undefined) return wait;
  const text = [
    answerOf(invocation) ?? "",
    firstLine(invocation.error ?? "") || outputOf(invocation),
  ].filter((part) => part !== "").join(": ");
  return text.length <= SUMMARY_CHARS ? text : `${text.slice(0, SUMMARY_CHARS).toWellFormed()}...`;
}
