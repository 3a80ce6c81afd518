import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { note, printJson } from "../terminal/output.ts";
import { addTriggerArguments, describeTrigger, triggerOf } from "./trigger_arguments.ts";

/** `invoked trigger run`: starts the invocation of a schedule now. */
export function register(command: Command): void {
  addTriggerArguments(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trigger run hello daily");
  command.action(
    async (functionName: string, name: string, { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const { trigger } = await triggerOf(api, functionName, name);
      const invocationId = await api.triggers.run(trigger);
      if (json) return printJson({ invocationId });
      note(`Started the invocation of ${describeTrigger(trigger)}`);
      console.log(invocationId);
    },
  );
}
