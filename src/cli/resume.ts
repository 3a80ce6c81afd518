import type { Command } from "commander";
import { addApiAction } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { printResult } from "./terminal/output.ts";

/** `invoked resume`: ends the pause of a restored server. */
export function register(command: Command): void {
  addApiAction(command, ["invoked resume --data restored"], async (api, { json }: JsonFlag) => {
    const { resumed } = await api.resume();
    const text = resumed
      ? "Resumed: schedules, webhooks, retries and asynchronous invocations run from now on"
      : "The server was not paused";
    printResult(json, { resumed }, text);
  });
  command.addHelpText(
    "after",
    `
Before you resume a restored server, make sure that the original no longer runs: otherwise both
start the same schedules, and send the same webhooks.`,
  );
}
