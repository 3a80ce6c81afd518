import type { Command } from "commander";
import { findAnyInvocation } from "../client/find.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson } from "../terminal/output.ts";

/** `invoked dead-letters drop`: drops dead letters; their invocations stay. */
export function register(command: Command): void {
  command.argument("<id...>", "Ids of the dead letters");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked dead-letters drop 3MYvbo0FdfXdyzQDt3O5MjzPDxi");
  command.action(async (ids: string[], { json }: { readonly json?: true }) => {
    using api = await server.connect();
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
