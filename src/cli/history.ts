import type { Command } from "commander";
import { Option } from "commander";
import type { Api, InvocationFilter } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import { durationMs, type Invocation, type RemoteFunction, reuseName } from "./client/schemas.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson, printTable, showCount, showTime } from "./terminal/output.ts";
import { addExamples, addJsonOption, addLimitOption } from "./options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";

const DEFAULT_LIMIT = 20;
/** A time with a zone, or a date, which is in UTC by itself. */
const WITH_ZONE = /(?:Z|[+-]\d{2}:?\d{2}|^\d{4}-\d{2}-\d{2})$/i;
const STATUSES = ["pending", "running", "success", "error"];

interface Options {
  readonly status?: string;
  readonly since?: string;
  readonly query?: string;
  readonly publishes?: true;
  readonly limit: number;
  readonly json?: true;
}

/** `invoked history`: the invocations of a function, or its publishes. */
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .addOption(
      new Option("--status <STATUS>", "List only those with this status").choices(STATUSES),
    )
    .option("--since <TIME>", "List only those since this time, such as 2026-01-31T12:00:00Z")
    .option("--query <TEXT>", "List only those with this text in input, output or error")
    .addOption(
      new Option("--publishes", "List which commits were published, when and by whom")
        .conflicts(["status", "since", "query"]),
    );
  addLimitOption(command, "entries", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked history hello",
    "invoked history hello --status error --limit 5",
    "invoked history hello --publishes",
  );
  command.action(async (name: string | undefined, options: Options) => {
    const since = sinceOf(options);
    using api = await server.connect();
    const fn = await functionOf(api, name);
    if (options.publishes) await listPublishes(api, fn, options);
    else await listInvocations(api, fn, { ...options, since });
  });
}

function sinceOf({ since }: Options): string | undefined {
  if (since === undefined) return undefined;
  // Without a zone it is UTC, as every time that a command prints.
  const time = Date.parse(WITH_ZONE.test(since) ? since : `${since}Z`);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new Failure(`Cannot use --since: ${JSON.stringify(since)} is not a time`, {
    next: "write it as 2026-01-31T12:00:00Z",
    exit: "usage",
  });
}

async function listInvocations(
  api: Api,
  fn: RemoteFunction,
  { status, since, query, limit, json }: Omit<Options, "since"> & InvocationFilter,
): Promise<void> {
  const invocations = await needsAddition(
    "the search of invocations",
    api.invocations(fn, { status, since, query }, limit),
  );
  if (json) return printJson(invocations);
  printTable(
    ["INVOCATION", "STATUS", "REUSE", "CREATED", "TOOK", "COMMIT", "RESULT"],
    invocations.map((invocation) => [
      invocation.id,
      invocation.status,
      reuseName(invocation),
      showTime(invocation.createdAt),
      took(invocation),
      invocation.commitId,
      summary(invocation),
    ]),
    `${fn.displayName} has no matching invocations`,
  );
}

async function listPublishes(
  api: Api,
  fn: RemoteFunction,
  { limit, json }: Options,
): Promise<void> {
  const publishes = await needsAddition("the history of publishes", api.publishes(fn, limit));
  if (json) return printJson(publishes);
  printTable(
    ["PUBLISHED", "COMMIT", "BEFORE", "BY", "MESSAGE"],
    publishes.map(({ publishedAt, commitId, previousCommitId, publishedBy, message }) => [
      publishedAt === undefined ? "-" : showTime(publishedAt),
      commitId ?? "none: unpublished",
      previousCommitId ?? "-",
      publishedBy ?? "-",
      message,
    ]),
    `${fn.displayName} was never published`,
  );
}

function took(invocation: Invocation): string {
  const ms = durationMs(invocation);
  return ms === undefined ? "-" : `${showCount(ms)} ms`;
}

const SUMMARY_CHARS = 60;

function summary({ error, output }: Invocation): string {
  const text = error?.split("\n")[0] ?? (output === undefined ? "" : JSON.stringify(output));
  return text.length <= SUMMARY_CHARS ? text : `${text.slice(0, SUMMARY_CHARS).toWellFormed()}...`;
}
