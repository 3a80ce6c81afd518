import type { Command } from "commander";
import { kindOf, shownAt, type Trigger } from "../client/triggers.ts";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";
import { addressOf } from "./trigger_arguments.ts";

const DEFAULT_LIMIT = 100;

/** `invoked trigger list`: lists the triggers of a function. */
export function register(command: Command): void {
  command.argument(FUNCTION_ARGUMENT, FUNCTION_HELP);
  addLimitOption(command, "triggers", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trigger list hello");
  command.action(
    async (
      name: string | undefined,
      { limit, json }: { readonly limit: number; readonly json?: true },
    ) => {
      using api = await server.connect();
      const list = await api.triggers.list(await functionOf(api, name), limit);
      if (json) return printJson(list);
      printTable(
        ["NAME", "ID", "KIND", "STATE", "STARTS", "NEXT", "LAST"],
        list.map((trigger) => [
          trigger.displayName,
          trigger.id,
          kindOf(trigger),
          trigger.paused ? "paused" : "active",
          startOf(trigger, api.url),
          showTime(trigger.nextRuns[0]),
          showTime(trigger.lastRun?.time),
        ]),
        "No triggers",
      );
    },
  );
}

/** What starts it: the line or time of a schedule, or an address. */
function startOf(trigger: Trigger, url: string): string {
  const { schedule } = trigger;
  if (schedule === undefined) return addressOf(trigger, url);
  return `${schedule["cronSpec"] ?? shownAt(schedule["at"])} ${schedule["timezone"]}`;
}
