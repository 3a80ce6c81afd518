import { type Command, Option } from "commander";
import { parseDuration } from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";
import { readSecret } from "./secret_input.ts";
import {
  addTriggerArguments,
  describeTrigger,
  printSecrets,
  triggerOf,
} from "./trigger_arguments.ts";

interface Options {
  readonly expireOldAfter?: number;
  readonly given?: true;
  readonly json?: true;
}

/** `invoked trigger rotate-secret`: replaces the secret of a trigger. */
export function register(command: Command): void {
  addTriggerArguments(command);
  command.addOption(
    new Option("--expire-old-after <DURATION>", "How long the old secret is accepted, up to 30d")
      .argParser(parseExpiry).default(undefined, "24h"),
  ).option(
    "--given",
    "Read the new secret from stdin or a prompt; by default the server generates a secret",
  );
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked trigger rotate-secret hello github",
    'printf %s "$SECRET" | invoked trigger rotate-secret hello stripe --given',
  );
  command.action(
    async (functionName: string, name: string, { expireOldAfter, given, json }: Options) => {
      using api = await server.connect();
      const { trigger } = await triggerOf(api, functionName, name);
      const secret = given ? await readSecret() : undefined;
      const options = { secret, expireOldAfterMs: expireOldAfter };
      const secrets = await api.triggers.rotateSecret(trigger, options);
      if (json) return printJson({ id: trigger.id, ...secrets });
      note(`Replaced the secret of ${describeTrigger(trigger)}`);
      printSecrets(secrets);
    },
  );
}

function parseExpiry(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Failure(`Invalid --expire-old-after: ${JSON.stringify(text)} is not a duration`, {
    next: "write it with its unit, such as 0s or 24h",
    exit: "usage",
  });
}
