import type { Command } from "commander";
import { fieldName } from "../client/names.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { changeToDefaults } from "./changes.ts";

/** `invoked settings unset`: resets settings to the defaults of the server, and removes variables of a function. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument("<names...>", "Names of settings; variables.NAME is a variable");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked settings unset hello timeout variables.STAGE");
  command.action(
    async (functionName: string, given: string[], { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, functionName);
      const change = changeToDefaults(fn, given);
      await api.updateFunction(fn, change);
      const fields = Object.keys(change);
      if (json) printJson({ functionId: fn.id, settings: fields });
      else console.log(`Reset ${fields.map(fieldName).join(", ")} of ${oneLine(fn.displayName)}`);
    },
  );
}
