import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import type { Api } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { withVerifyToken } from "../client/verify_token.ts";
import { warnOfHandlers } from "../folder/handler_warning.ts";
import { note, printJson } from "../terminal/output.ts";
import { addressOf, describeTrigger, printSecrets } from "./trigger_arguments.ts";
import { addTriggerOptions, changeOf, type TriggerOptions } from "./trigger_options.ts";

/** `invoked trigger create`: creates a trigger, and prints what is shown once. */
export function register(command: Command): void {
  command.argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument("<name>", "Name of the trigger");
  addTriggerOptions(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    'invoked trigger create hello daily --cron "0 9 * * 1-5" --timezone Europe/Berlin',
    "invoked trigger create hello github --webhook github",
    'printf %s "$SECRET" | invoked trigger create hello stripe --webhook stripe --secret',
    "invoked trigger create hello gitlab --webhook header --signature-header X-Gitlab-Token " +
      "--signature-encoding plain",
    "invoked trigger create hello meta --webhook header --signature-header X-Hub-Signature-256 " +
      "--signature-prefix sha256= --secret --handshake meta",
    "invoked trigger create hello site --slug hello --auth open",
  );
  command.action(async (functionName: string, name: string, options: TriggerOptions) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    const wanted = { displayName: name, ...await changeOf(api, options) };
    const { change, made } = withVerifyToken(wanted, undefined);
    const { trigger, ...ofServer } = await api.triggers.create(fn, change);
    const secrets = { ...ofServer, ...made };
    await warnOfCode(api, fn);
    if (options.json) return printJson({ trigger, ...secrets });
    const address = addressOf(trigger, api.url);
    note(`Created ${describeTrigger(trigger)}${address === "" ? "" : ` at ${address}`}`);
    printSecrets(secrets);
  });
}

/** Warns if the code does not export the handler that a new trigger calls. */
async function warnOfCode(api: Api, fn: RemoteFunction): Promise<void> {
  const called = fn.publishedCommitId ?? fn.head;
  if (called === undefined) return;
  await warnOfHandlers(api, fn, (await api.commit(fn, called, { showPurged: true })).files);
}
