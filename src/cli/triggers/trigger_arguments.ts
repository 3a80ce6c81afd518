import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { kindOf, type Trigger, type TriggerSecrets } from "../client/triggers.ts";
import { functionOf, REQUIRED_FUNCTION } from "../options/function_argument.ts";
import { nameAndId, note } from "../terminal/output.ts";

/** Adds the arguments of commands about one trigger. */
export function addTriggerArguments(command: Command): void {
  command.argument(...REQUIRED_FUNCTION)
    .argument("<trigger>", "Name or id of the trigger, or 6 or more first characters of the id");
}

/** The function and the trigger of the arguments. */
export async function triggerOf(
  api: Api,
  functionName: string,
  name: string,
): Promise<{ readonly fn: RemoteFunction; readonly trigger: Trigger }> {
  const fn = await functionOf(api, functionName);
  return { fn, trigger: await api.triggers.find(fn, name) };
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
