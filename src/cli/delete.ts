import type { Command } from "commander";
import { addDeletion } from "./options/api_command.ts";
import { functionOf, REQUIRED_FUNCTION } from "./options/function_argument.ts";
import { nameAndId } from "./terminal/output.ts";

/** `invoked delete`: deletes a function. */
export function register(command: Command): void {
  command.argument(...REQUIRED_FUNCTION);
  const examples = ["invoked delete hello", "invoked delete hello --yes"];
  addDeletion(command, examples, async (api, name) => {
    const fn = await functionOf(api, name);
    return {
      shown: nameAndId(fn),
      named: { functionId: fn.id },
      remove: () => api.deleteFunction(fn),
    };
  });
}
