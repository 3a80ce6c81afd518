import type { Command } from "commander";
import { fieldName } from "../client/names.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { pairIn } from "../options/variables.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { warnOfSecretVariables } from "../folder/variable_warning.ts";
import { changeTo } from "./changes.ts";

/** `invoked settings set`: sets settings and variables of a function. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument(
      "<settings...>",
      "NAME=VALUE, with the names of invoked.json; variables.NAME=VALUE is a variable",
    );
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked settings set hello timeout=5m memoryMib=256",
    "invoked settings set hello variables.STAGE=production",
    `invoked settings set hello 'tenant={"id": "acme", "access": "READ"}'`,
  );
  command.action(
    async (functionName: string, given: string[], { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, functionName);
      const change = await changeTo(api, fn, given.map((text) => pairIn("a setting", text)));
      await api.updateFunction(fn, change);
      await warnOfSecretVariables(change.variables);
      const fields = Object.keys(change);
      if (json) printJson({ functionId: fn.id, settings: fields });
      else console.log(`Set ${fields.map(fieldName).join(", ")} of ${oneLine(fn.displayName)}`);
    },
  );
}
