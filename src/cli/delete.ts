import type { Command } from "commander";
import { Failure, oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import { askForYes } from "./terminal/prompts.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  functionOf,
} from "./options/server_options.ts";

interface Options {
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked delete`: deletes a function. */
export function registerDelete(program: Command): void {
  const command = program.command("delete")
    .description("Delete a function; its commits and invocations stay readable by its id")
    .argument("<function>", "Name or id; . for the function of this folder's invoked.json")
    .option("--yes", "Do not ask");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked delete hello", "invoked delete hello --yes");
  command.action(async (name: string, { yes, json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const question = `Delete ${oneLine(fn.displayName)} (${fn.id}) on ${api.url}?`;
    if (!yes && !await askForYes(question, "give --yes to delete without a question")) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.deleteFunction(fn);
    if (json) printJson({ functionId: fn.id, deleted: true });
    else console.log(`Deleted ${oneLine(fn.displayName)} (${fn.id})`);
  });
}
