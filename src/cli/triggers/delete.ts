import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { addTriggerArguments, describeTrigger, triggerOf } from "./trigger_arguments.ts";

/** `invoked trigger delete`: deletes a trigger. */
export function register(command: Command): void {
  addTriggerArguments(command);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trigger delete hello daily --yes");
  command.action(
    async (
      functionName: string,
      name: string,
      { yes, json }: { readonly yes?: true; readonly json?: true },
    ) => {
      using api = await server.connect();
      const { trigger } = await triggerOf(api, functionName, name);
      const shown = describeTrigger(trigger);
      if (!yes && !await askForYes(`Delete ${shown} on ${api.url}?`, YES_HINT)) {
        throw new Failure("Cancelled: nothing was deleted");
      }
      await api.triggers.delete(trigger);
      if (json) printJson({ id: trigger.id, deleted: true });
      else console.log(`Deleted ${shown}`);
    },
  );
}
