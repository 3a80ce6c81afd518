import type { Command } from "commander";
import { Failure, oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import { askForYes } from "./terminal/prompts.ts";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "./options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";

interface Options {
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked delete`: deletes a function. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked delete hello", "invoked delete hello --yes");
  command.action(async (name: string, { yes, json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const question = `Delete ${oneLine(fn.displayName)} (${fn.id}) on ${api.url}?`;
    if (!yes && !await askForYes(question, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.deleteFunction(fn);
    if (json) printJson({ functionId: fn.id, deleted: true });
    else console.log(`Deleted ${oneLine(fn.displayName)} (${fn.id})`);
  });
}
