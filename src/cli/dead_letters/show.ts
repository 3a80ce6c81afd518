import type { Command } from "commander";
import { findAnyInvocation } from "../client/find.ts";
import type { DeadLetter } from "../client/schemas.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { firstLine } from "../terminal/failure.ts";
import { printFields, printJson, showTime } from "../terminal/output.ts";

/** `invoked dead-letters show`: one failed invocation without further attempts, with its attempts and its input. */
export function register(command: Command): void {
  command.argument("<id>", "Id of the dead letter");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked dead-letters show 3MYvbo0FdfXdyzQDt3O5MjzPDxi");
  command.action(async (id: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
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
