import type { Command } from "commander";
import type { RemoteFunction } from "./client/schemas.ts";
import { Failure, oneLine } from "./terminal/failure.ts";
import { readStdin } from "./options/input.ts";
import { printJson, printTable } from "./terminal/output.ts";
import { askForSecret } from "./terminal/prompts.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  FUNCTION_ARGUMENT,
  FUNCTION_HELP,
  functionOf,
} from "./options/server_options.ts";

interface Options {
  readonly json?: true;
}

/** `invoked secrets`: the secrets of a function. */
export function registerSecrets(program: Command): void {
  const secrets = program.command("secrets").description(
    "Set, list and remove a function's secrets",
  );
  registerSet(secrets);
  registerList(secrets);
  registerUnset(secrets);
}

/** The value is never an argument: those are visible to every user of the machine. */
function registerSet(secrets: Command): void {
  const command = secrets.command("set")
    .description("Set a secret; the value is read from stdin, or asked for at a terminal")
    .argument("<function>", FUNCTION_HELP)
    .argument("<name>", "Name of the secret");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked secrets set hello API_KEY",
    'printf %s "$KEY" | invoked secrets set hello API_KEY',
  );
  command.action(async (functionName: string, name: string, { json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    const value = await readValue(name);
    await api.updateFunction(fn, { secret: { ...keptSecrets(fn), [name]: value } });
    if (json) printJson({ functionId: fn.id, secret: name });
    else console.log(`Set secret ${oneLine(name)} of ${oneLine(fn.displayName)}`);
  });
}

function registerList(secrets: Command): void {
  const command = secrets.command("list")
    .description("List the names of a function's secrets; values never leave the server")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked secrets list hello");
  command.action(async (functionName: string | undefined, { json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    if (json) return printJson(fn.secret);
    printTable(["NAME"], fn.secret.map((name) => [name]), `${fn.displayName} has no secrets`);
  });
}

function registerUnset(secrets: Command): void {
  const command = secrets.command("unset")
    .description("Remove secrets of a function")
    .argument("<function>", FUNCTION_HELP)
    .argument("<names...>", "Names of the secrets");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked secrets unset hello API_KEY");
  command.action(async (functionName: string, names: string[], { json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    const unknown = names.filter((name) => !fn.secret.includes(name));
    if (unknown.length > 0) {
      throw new Failure(`${fn.displayName} has no secret ${unknown.map(oneLine).join(", ")}`, {
        next: "list them with invoked secrets list",
      });
    }
    const kept = Object.entries(keptSecrets(fn)).filter(([name]) => !names.includes(name));
    await api.updateFunction(fn, { secret: Object.fromEntries(kept) });
    if (json) printJson({ functionId: fn.id, removed: names });
    else console.log(`Removed ${names.map(oneLine).join(", ")} of ${oneLine(fn.displayName)}`);
  });
}

/** The names that stay, with the empty value that keeps what is stored. */
function keptSecrets(fn: RemoteFunction): Record<string, string> {
  return Object.fromEntries(fn.secret.map((name) => [name, ""]));
}

/** One line break at the end, as echo and editors leave it, is not part of the value. */
async function readValue(name: string): Promise<string> {
  const value = Deno.stdin.isTerminal()
    ? await askForSecret(`Value of ${oneLine(name)}`, "give the value on stdin")
    : (await readStdin()).replace(/\r?\n$/, "");
  if (value !== "") return value;
  throw new Failure(`The value of ${oneLine(name)} is empty`, {
    next: "give it on stdin, or remove the secret with invoked secrets unset",
    exit: "usage",
  });
}
