import type { Command } from "commander";
import { kindOf, shownAt } from "../client/triggers.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printFields, printJson, timeInWords } from "../terminal/output.ts";
import { addressOf, addTriggerArguments, triggerOf } from "./trigger_arguments.ts";

/** `invoked trigger show`: shows a trigger, its last run and the next ones. */
export function register(command: Command): void {
  addTriggerArguments(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trigger show hello daily");
  command.action(
    async (functionName: string, name: string, { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const { trigger } = await triggerOf(api, functionName, name);
      if (json) return printJson(trigger);
      const kind = kindOf(trigger);
      const { listenerId: _, ...settings } = trigger[kind] ?? {};
      const { lastRun } = trigger;
      const address = addressOf(trigger, api.url);
      printFields([
        ["name", trigger.displayName],
        ["id", trigger.id],
        ["kind", kind],
        ["state", trigger.paused ? "paused" : "active"],
        ...address === "" ? [] : [["address", address] as const],
        ...Object.entries(settings).map(([field, value]) =>
          [field, shownSetting(field, value)] as const
        ),
        ...trigger.vfsId === undefined ? [] : [["volume", trigger.vfsId] as const],
        ...lastRun === undefined ? [] : [
          ["last run", timeInWords(lastRun.time)] as const,
          ["", lastRun.reason ?? lastRun.invocationId ?? ""] as const,
        ],
        ...trigger.nextRuns.length === 0
          ? []
          : [["next runs", trigger.nextRuns.map(timeInWords).join("\n")] as const],
      ]);
    },
  );
}

function shownSetting(field: string, value: unknown): string {
  if (field === "at") return shownAt(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}
