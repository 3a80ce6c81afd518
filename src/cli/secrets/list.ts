import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable } from "../terminal/output.ts";

/** `invoked secrets list`: the names of a function's secrets. */
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked secrets list hello");
  command.action(async (functionName: string | undefined, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    if (json) return printJson(fn.secret);
    printTable(["NAME"], fn.secret.map((name) => [name]), `${fn.displayName} has no secrets`);
  });
}
