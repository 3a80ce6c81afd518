import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson } from "../terminal/output.ts";
import { addTriggerArguments, describeTrigger, triggerOf } from "./trigger_arguments.ts";

/** Makes a command that pauses or resumes a trigger. */
export function registerSwitch(command: Command, verb: "pause" | "resume"): void {
  addTriggerArguments(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked trigger ${verb} hello daily`);
  command.action(
    async (functionName: string, name: string, { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const { trigger: before } = await triggerOf(api, functionName, name);
      const { trigger } = await api.triggers.update(before, { paused: verb === "pause" }, "paused");
      if (json) printJson(trigger);
      else console.log(`${verb === "pause" ? "Paused" : "Resumed"} ${describeTrigger(trigger)}`);
    },
  );
}
