/** `invoked secrets …`. */
import type { Command } from "commander";
import { keptSecrets } from "./client/api.ts";
import type { Subcommand } from "./command_entry.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, FUNCTION, REQUIRED_FUNCTION } from "./options/function_argument.ts";
import { readSecretText } from "./options/input.ts";
import { Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { printJson, printResult, printTable } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["set", "Set a secret; the value comes from stdin, or from a prompt at a terminal", registerSet],
  ["list", "List the names of a function's secrets; values never leave the server", registerList],
  ["unset", "Remove secrets of a function", registerUnset],
];

/** `invoked secrets set`. The value is never an argument: every user of the machine can read arguments. */
function registerSet(command: Command): void {
  command.argument(...REQUIRED_FUNCTION).argument("<secret>", "Name of the secret");
  addFunctionAction(
    command,
    [
      "invoked secrets set hello API_KEY",
      'printf %s "$KEY" | invoked secrets set hello API_KEY',
    ],
    async (api, fn, name: string, { json }: JsonFlag) => {
      const value = await readValue(name);
      await api.updateFunction(fn, { secret: { ...keptSecrets(fn), [name]: value } });
      const text = `Set secret ${oneLine(name)} of ${oneLine(fn.displayName)}`;
      printResult(json, { functionId: fn.id, secret: name }, text);
    },
  );
}

async function readValue(name: string): Promise<string> {
  const value = await readSecretText(`Value of ${oneLine(name)}`, "give the value on stdin");
  if (value !== "") return value;
  throw new UsageFailure(`The value of secret ${oneLine(name)} is empty`, {
    next: "give it on stdin, or remove the secret with invoked secrets unset",
  });
}

/** `invoked secrets list`: the names of a function's secrets. */
function registerList(command: Command): void {
  command.argument(...FUNCTION);
  const examples = ["invoked secrets list hello"];
  addFunctionAction(command, examples, (_api, fn, { json }: JsonFlag) => {
    if (json) return printJson(fn.secret);
    printTable(["NAME"], fn.secret.map((name) => [name]), `${fn.displayName} has no secrets`);
  });
}

/** `invoked secrets unset`: removes secrets. */
function registerUnset(command: Command): void {
  command.argument(...REQUIRED_FUNCTION).argument("<secret...>", "Names of the secrets");
  const examples = ["invoked secrets unset hello API_KEY"];
  addFunctionAction(command, examples, async (api, fn, names: string[], { json }: JsonFlag) => {
    const shown = names.map(oneLine).join(", ");
    const unknown = names.filter((name) => !fn.secret.includes(name)).map(oneLine);
    if (unknown.length > 0) {
      throw new Failure(
        `Nothing was removed: ${fn.displayName} has no secret ${unknown.join(", ")}`,
        { next: "list them with invoked secrets list" },
      );
    }
    const kept = Object.entries(keptSecrets(fn)).filter(([name]) => !names.includes(name));
    await api.updateFunction(fn, { secret: Object.fromEntries(kept) });
    const text = `Removed ${shown} of ${oneLine(fn.displayName)}`;
    printResult(json, { functionId: fn.id, removed: names }, text);
  });
}
