/** `invoked dead-letters …`. */
import type { Command } from "commander";
import { needsAddition } from "./client/api_error.ts";
import { findAnyInvocation } from "./client/find.ts";
import { ALL_FUNCTIONS, type DeadLetter } from "./client/schemas.ts";
import type { Subcommand } from "./command_entry.ts";
import { addApiAction } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import { functionOf } from "./options/function_argument.ts";
import { firstLine } from "./terminal/failure.ts";
import { printFields, printJson, printList, showCount, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "list",
    "List the failed invocations without further attempts, newest first",
    registerList,
  ],
  ["show", "Show a dead letter with its attempts and its input", registerShow],
  [
    "replay",
    "Call functions again with the input of dead letters, and drop the dead letters",
    registerReplay,
  ],
  ["drop", "Drop dead letters; their invocations remain", registerDrop],
];

/** `invoked dead-letters list`: failed invocations without further attempts, of one function or of all functions. */
function registerList(command: Command): void {
  command.argument("[function]", "Name or id of the function [default all functions]");
  addLimitOption(command, "dead letters", 20);
  addApiAction(
    command,
    ["invoked dead-letters list", "invoked dead-letters list hello"],
    async (api, name: string | undefined, { limit, json }: ListFlags) => {
      const fn = name === undefined ? ALL_FUNCTIONS : await functionOf(api, name);
      const list = await needsAddition("dead letters", api.replays.deadLetters(fn, limit));
      await printList(json, list, `${fn.displayName} has no dead letters`, {
        "DEAD LETTER": ({ id }) => id,
        FUNCTION: ({ functionId }) => functionId,
        PARKED: ({ parkedAt }) => showTime(parkedAt),
        ATTEMPTS: ({ attempts }) => showCount(attempts.length),
        ERROR: ({ error }) => firstLine(error),
      });
    },
  );
}

/** `invoked dead-letters show`: one failed invocation without further attempts, with its attempts and its input. */
function registerShow(command: Command): void {
  command.argument("<id>", "Id of the dead letter");
  const examples = ["invoked dead-letters show 3MYvbo0FdfXdyzQDt3O5MjzPDxi"];
  addApiAction(command, examples, async (api, id: string, { json }: JsonFlag) => {
    const invocation = await findAnyInvocation(api, id);
    const letter = await api.replays.deadLetter(invocation);
    if (json) return printJson(letter);
    const { commitId, trigger, input } = invocation;
    printFields([
      ["id", letter.id],
      ["function", letter.functionId],
      ["commit", commitId],
      ["started by", trigger.id === undefined ? trigger.kind : `${trigger.kind} ${trigger.id}`],
      ["parked", showTime(letter.parkedAt)],
      ["attempts", letter.attempts.map(describeAttempt).join("\n")],
      ["input", JSON.stringify(input, null, 2)],
      ["error", letter.error],
    ]);
  });
}

function describeAttempt({ attempt, endedAt, error = "" }: DeadLetter["attempts"][number]): string {
  return `${attempt} ended ${showTime(endedAt)}: ${firstLine(error)}`;
}

/** `invoked dead-letters replay`: calls functions again with the input of dead letters, and drops the dead letters. */
function registerReplay(command: Command): void {
  command.argument("<id...>", "Ids of the dead letters");
  const examples = ["invoked dead-letters replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi"];
  addApiAction(command, examples, async (api, ids: string[], { json }: JsonFlag) => {
    const invocationIds: string[] = [];
    for (const id of ids) {
      const invocationId = await api.replays.replayDeadLetter(await findAnyInvocation(api, id));
      invocationIds.push(invocationId);
      if (!json) console.log(invocationId);
    }
    if (json) printJson({ invocationIds });
  });
}

/** `invoked dead-letters drop`: drops dead letters; their invocations stay. */
function registerDrop(command: Command): void {
  command.argument("<id...>", "Ids of the dead letters");
  const examples = ["invoked dead-letters drop 3MYvbo0FdfXdyzQDt3O5MjzPDxi"];
  addApiAction(command, examples, async (api, ids: string[], { json }: JsonFlag) => {
    const dropped: string[] = [];
    for (const id of ids) {
      const invocation = await findAnyInvocation(api, id);
      await api.replays.drop(invocation);
      dropped.push(invocation.id);
      if (!json) console.log(`Dropped ${invocation.id}`);
    }
    if (json) printJson({ dropped });
  });
}
