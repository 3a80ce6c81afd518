import type { Command } from "commander";
import { findAnyInvocation } from "../client/find.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson } from "../terminal/output.ts";

/** `invoked dead-letters replay`: calls functions again with the input of dead letters, and drops the dead letters. */
export function register(command: Command): void {
  command.argument("<id...>", "Ids of the dead letters");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked dead-letters replay 3MYvbo0FdfXdyzQDt3O5MjzPDxi");
  command.action(async (ids: string[], { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const invocationIds: string[] = [];
    for (const id of ids) {
      const invocationId = await api.replays.replayDeadLetter(await findAnyInvocation(api, id));
      invocationIds.push(invocationId);
      if (!json) console.log(invocationId);
    }
    if (json) printJson({ invocationIds });
  });
}
