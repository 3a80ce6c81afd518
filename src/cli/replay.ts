import { type Command, Option } from "commander";
import { countOf, formatCount } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import { apiStatus } from "./client/failures.ts";
import { findAnyInvocation, findCommit, findFunction } from "./client/find.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { addApiOptions } from "./options/api_command.ts";
import { addYesOption, needYes, type YesFlags } from "./options/common_options.ts";
import { functionOf } from "./options/function_argument.ts";
import { readInput } from "./options/input.ts";
import { addSpanOptions, type Span } from "./options/time.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import { printJson, printResult } from "./terminal/output.ts";

interface Options extends Span, YesFlags {
  readonly input?: string;
  readonly commit?: string;
  readonly function?: string;
  readonly status?: string;
  readonly errorWord?: string;
  readonly query?: string;
  readonly dryRun?: true;
}

const OF_ONE = ["input", "commit"];

/** `invoked replay`: calls a function again as earlier invocations did. */
export function register(command: Command): void {
  command
    .argument("[invocation]", "Id of the invocation")
    .option("--input <JSON>", "Another input, as of invoke [default the same]")
    .option("--commit <COMMIT>", "Id, HEAD or tag of another commit [default the same]")
    .addOption(
      new Option("--function <FUNCTION>", "Replay the invocations of this function instead")
        .conflicts(OF_ONE),
    )
    .addOption(
      new Option("--status <STATUS>", "With --function: only invocations with this status")
        .choices(["success", "error"]),
    )
    .option(
      "--error-word <CODE>",
      "With --function: only invocations with this error code, such as TIMEOUT",
    )
    .option("--query <TEXT>", "With --function: only invocations with this text");
  addSpanOptions(command, "With --function: only invocations");
  command.option("--dry-run", "With --function: only count");
  addYesOption(command, "With --function: replay without asking");
  const server = addApiOptions(
    command,
    "invoked replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi",
    "invoked replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi --commit HEAD --input @input.json",
    "invoked replay --function hello --error-word TIMEOUT --since 1h --dry-run",
  );
  command.action(async (id: string | undefined, options: Options) => {
    if ((id === undefined) === (options.function === undefined)) {
      throw new UsageFailure(
        "Nothing was replayed: the command needs either an invocation or --function",
        {
          next:
            "list them with invoked history; --function replays the failed invocations of one function",
        },
      );
    }
    const input = options.input === undefined ? undefined : await readInput(options.input);
    using api = await server.connect();
    if (id !== undefined) await replayOne(api, id, input, options);
    else await replayMany(api, await functionOf(api, options.function), options);
  });
}

async function replayOne(
  api: Api,
  id: string,
  input: string | undefined,
  { commit, json }: Options,
): Promise<void> {
  const invocation = await findAnyInvocation(api, id);
  const commitId = commit === undefined
    ? undefined
    : await findCommit(api, await findFunction(api, invocation.functionId), commit);
  const replayed = api.replays.replay(invocation, { input, commitId });
  const invocationId = await needsAddition("replays", replayed);
  printResult(json, { invocationId }, invocationId);
}

async function replayMany(
  api: Api,
  fn: RemoteFunction,
  { status, errorWord, query, since, until, dryRun, yes, json }: Options,
): Promise<void> {
  const filter = {
    ...status === undefined ? {} : { status: apiStatus(status) },
    ...{ errorWord, query, since, until },
  };
  const replay = (isDry: boolean) =>
    needsAddition("replays", api.replays.replayMany(fn, filter, isDry));
  if (dryRun || !yes) {
    const { count } = await replay(true);
    const what = `${countOf(count, "invocation")} of ${oneLine(fn.displayName)}`;
    if (dryRun || count === 0) {
      return json ? printJson({ count }) : console.log(`Would replay ${what}`);
    }
    const question = `Replay ${what} on ${api.url}?`;
    await needYes(yes, question, "No invocation was replayed", "give --yes to replay them");
  }
  const answer = await replay(false);
  if (json) return printJson(answer);
  const skipped = answer.skipped === 0 ? "" : `; ${formatCount(answer.skipped)} could not be`;
  console.log(`Replayed ${countOf(answer.count, "invocation")}${skipped}`);
}
