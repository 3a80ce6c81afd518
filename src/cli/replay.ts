import type { Command } from "commander";
import { needsAddition } from "./client/api_error.ts";
import { findAnyInvocation, findCommit, findFunction } from "./client/find.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { readInput } from "./options/input.ts";
import { addServerOptions } from "./options/server_options.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly input?: string;
  readonly commit?: string;
  readonly json?: true;
}

/** `invoked replay`: calls a function again as an earlier invocation did. */
export function register(command: Command): void {
  command
    .argument("<invocation>", "Id of the invocation")
    .option("--input <JSON>", "Another input, as of invoke [default the same]")
    .option("--commit <COMMIT>", "Id, HEAD or tag of another commit [default the same]");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi",
    "invoked replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi --commit HEAD --input @input.json",
  );
  command.action(async (id: string, { input, commit, json }: Options) => {
    const text = input === undefined ? undefined : await readInput(input);
    using api = await server.connect();
    const invocation = await findAnyInvocation(api, id);
    const commitId = commit === undefined
      ? undefined
      : await findCommit(api, await findFunction(api, invocation.functionId), commit);
    const replayed = api.replays.replay(invocation, { input: text, commitId });
    const invocationId = await needsAddition("replays", replayed);
    if (json) printJson({ invocationId });
    else console.log(invocationId);
  });
}
