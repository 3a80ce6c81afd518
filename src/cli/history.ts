import type { Command } from "commander";
import { Option } from "commander";
import { needsAddition } from "./client/api_error.ts";
import { type Invocation, reuseName } from "./client/schemas.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson, printTable, showCount, showTime } from "./terminal/output.ts";
import { addExamples, addJsonOption, addLimitOption } from "./options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";

const DEFAULT_LIMIT = 20;
const STATUSES = ["pending", "running", "success", "error"];

interface Options {
  readonly status?: string;
  readonly since?: string;
  readonly query?: string;
  readonly limit: number;
  readonly json?: true;
}

/** `invoked history`: the invocations of a function. */
export function registerHistory(program: Command): void {
  const command = program.command("history")
    .description("List invocations of a function, newest first")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .addOption(
      new Option("--status <STATUS>", "List only those with this status").choices(STATUSES),
    )
    .option("--since <TIME>", "List only those since this time, such as 2026-01-31T12:00:00Z")
    .option("--query <TEXT>", "List only those with this text in input, output or error");
  addLimitOption(command, "invocations", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked history hello", "invoked history hello --status error --limit 5");
  command.action(async (name: string | undefined, options: Options) => {
    const { status, since, query, limit, json } = options;
    if (since !== undefined && Number.isNaN(Date.parse(since))) {
      throw new Failure(`Cannot use --since: ${JSON.stringify(since)} is not a time`, {
        next: "write it as 2026-01-31T12:00:00Z",
        exit: "usage",
      });
    }
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const filter = {
      status,
      since: since === undefined ? undefined : new Date(since).toISOString(),
      query,
    };
    const invocations = await needsAddition(
      "the search of invocations",
      api.invocations(fn, filter, limit),
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
  });
}

/** Time from the creation of an invocation to its end. */
function took({ status, createdAt, updatedAt }: Invocation): string {
  const ms = Date.parse(updatedAt ?? "") - Date.parse(createdAt ?? "");
  return (status === "SUCCESS" || status === "ERROR") && Number.isFinite(ms)
    ? `${showCount(ms)} ms`
    : "-";
}

const SUMMARY_CHARS = 60;

function summary({ error, output }: Invocation): string {
  const text = error?.split("\n")[0] ?? (output === undefined ? "" : JSON.stringify(output));
  return text.length <= SUMMARY_CHARS ? text : `${text.slice(0, SUMMARY_CHARS).toWellFormed()}...`;
}
