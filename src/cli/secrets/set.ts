import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "../options/function_argument.ts";
import { readStdin } from "../options/input.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForSecret } from "../terminal/prompts.ts";
import { keptSecrets } from "./kept_secrets.ts";

/** `invoked secrets set`. The value is never an argument: every user of the machine can read arguments. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument("<secret>", "Name of the secret");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked secrets set hello API_KEY",
    'printf %s "$KEY" | invoked secrets set hello API_KEY',
  );
  command.action(
    async (functionName: string, name: string, { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, functionName);
      const value = await readValue(name);
      await api.updateFunction(fn, { secret: { ...keptSecrets(fn), [name]: value } });
      if (json) printJson({ functionId: fn.id, secret: name });
      else console.log(`Set secret ${oneLine(name)} of ${oneLine(fn.displayName)}`);
    },
  );
}

/** One line break at the end, as echo and editors add it, is not part of the value. */
async function readValue(name: string): Promise<string> {
  const value = Deno.stdin.isTerminal()
    ? await askForSecret(`Value of ${oneLine(name)}`, "give the value on stdin")
    : (await readStdin()).replace(/\r?\n$/, "");
  if (value !== "") return value;
  throw new Failure(`The value of secret ${oneLine(name)} is empty`, {
    next: "give it on stdin, or remove the secret with invoked secrets unset",
    exit: "usage",
  });
}
