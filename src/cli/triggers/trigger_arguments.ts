import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { kindOf, type Trigger, type TriggerSecrets } from "../client/triggers.ts";
import { addFunctionAction, functionOf, REQUIRED_FUNCTION } from "../options/function_argument.ts";
import { nameAndId, note } from "../terminal/output.ts";

/** Adds the arguments of commands about one trigger. */
export function addTriggerArguments(command: Command): void {
  command.argument(...REQUIRED_FUNCTION)
    .argument("<trigger>", "Name or id of the trigger, or 6 or more first characters of the id");
}

/** The trigger of the arguments. */
export async function triggerOf(api: Api, functionName: string, name: string): Promise<Trigger> {
  return await api.triggers.find(await functionOf(api, functionName), name);
}

/** Adds an action of a command of the API that gets the trigger of its two arguments. */
export function addTriggerAction<Args extends unknown[]>(
  command: Command,
  examples: readonly string[],
  act: (api: Api, trigger: Trigger, ...args: Args) => void | Promise<void>,
): void {
  addTriggerArguments(command);
  addFunctionAction(command, examples, async (api, fn, name: string, ...args: Args) => {
    await act(api, await api.triggers.find(fn, name), ...args);
  });
}

/** A trigger in one line. */
export function describeTrigger(trigger: Trigger): string {
  return `${kindOf(trigger)} ${nameAndId(trigger)}`;
}

/** Where a trigger takes requests; empty for a schedule. */
export function addressOf({ webhook, http }: Trigger, url: string): string {
  if (webhook !== undefined) return `${url}/api/v1/webhooks/incoming/${webhook["listenerId"]}`;
  if (http === undefined) return "";
  return http["host"] === undefined ? `${url}/run/${http["slug"]}/` : `https://${http["host"]}/`;
}

/** Prints what is shown once, on stdout. */
export function printSecrets(secrets: TriggerSecrets): void {
  const { webhookHmacSecret, webhookSecret, webhookCapabilityUrl, webhookVerifyToken } = secrets;
  const secret = webhookHmacSecret ?? webhookSecret ?? webhookCapabilityUrl;
  if (secret !== undefined) {
    note("What follows is a secret, and is shown only now:");
    console.log(secret);
  }
  if (webhookVerifyToken === undefined) return;
  note("What follows is the verify token for the sender, and is shown only now:");
  console.log(webhookVerifyToken);
}
