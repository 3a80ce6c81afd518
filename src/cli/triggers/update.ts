import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import type { TriggerChange } from "../client/triggers.ts";
import { withVerifyToken } from "../client/verify_token.ts";
import { Failure } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";
import {
  addTriggerArguments,
  describeTrigger,
  printSecrets,
  triggerOf,
} from "./trigger_arguments.ts";
import { addTriggerOptions, changeOf, type TriggerOptions } from "./trigger_options.ts";

interface Options extends TriggerOptions {
  readonly name?: string;
}

/** `invoked trigger update`: changes what its flags name. */
export function register(command: Command): void {
  addTriggerArguments(command);
  command.option("--name <NAME>", "New name of the trigger");
  addTriggerOptions(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    'invoked trigger update hello daily --cron "0 10 * * *"',
    "invoked trigger update hello github --max-bytes 256KiB",
    'printf %s "$TOKEN" | invoked trigger update hello meta --handshake meta --verify-token',
    `invoked trigger update hello site --settings '{"http": {"cors": null}}'`,
  );
  command.action(async (functionName: string, name: string, options: Options) => {
    using api = await server.connect();
    const { trigger: before } = await triggerOf(api, functionName, name);
    const { name: displayName } = options;
    const { change, made } = withVerifyToken({
      ...displayName === undefined ? {} : { displayName },
      ...await changeOf(api, options),
    }, before);
    if (Object.keys(change).length === 0) {
      throw new Failure("Nothing was updated: no flag names a change", {
        next: "name one, such as --cron or --slug; --help lists them",
        exit: "usage",
      });
    }
    const { trigger, ...ofServer } = await api.triggers.update(before, change, maskOf(change));
    const secrets = { ...ofServer, ...made };
    if (options.json) return printJson({ trigger, ...secrets });
    note(`Updated ${describeTrigger(trigger)}`);
    printSecrets(secrets);
  });
}

/** What the flags name, so that null removes a setting. */
function maskOf(change: TriggerChange): string {
  return Object.entries(change).flatMap(([name, value]) =>
    typeof value === "object" ? Object.keys(value).map((field) => `${name}.${field}`) : [name]
  ).join();
}
