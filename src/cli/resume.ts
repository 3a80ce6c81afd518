import type { Command } from "commander";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addServerOptions } from "./options/server_options.ts";
import { printJson } from "./terminal/output.ts";

/** `invoked resume`: ends the pause of a restored server. */
export function register(command: Command): void {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked resume --data restored");
  command.addHelpText(
    "after",
    `
Before you resume a restored server, make sure that the original no longer runs: otherwise both
start the same schedules, and send the same webhooks.`,
  );
  command.action(async ({ json }: { readonly json?: true }) => {
    using api = await server.connect();
    const { resumed } = await api.resume();
    if (json) return printJson({ resumed });
    console.log(
      resumed
        ? "Resumed: schedules, webhooks, retries and asynchronous invocations run from now on"
        : "The server was not paused",
    );
  });
}
