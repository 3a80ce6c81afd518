/** Triggers over the API. */
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";

/** Returns its input, and what started it. */
export const ECHO =
  "export default (input, { trigger, invocationId }) => ({ input, trigger, invocationId });\n";

let made = 0;

/** The path of the triggers of a function. */
export function triggersOf(functionId: string): string {
  return `/api/v1/functions/${functionId}/triggers`;
}

/** Creates a trigger; answers it with the secret that was made. */
export async function createTrigger(
  client: Client,
  functionId: string,
  trigger: Json,
): Promise<Json> {
  const displayName = `trigger-${made++}`;
  const path = triggersOf(functionId);
  return ok(await client.post(path, { trigger: { displayName, ...trigger } }));
}

/** Makes a trigger that is a webhook. */
export function createWebhook(client: Client, functionId: string, webhook: Json): Promise<Json> {
  return createTrigger(client, functionId, { webhook });
}

/** Changes a trigger; answers it. */
export async function updateTrigger(
  client: Client,
  { functionId, id }: Json,
  trigger: Json,
  updateMask?: Json,
): Promise<Json> {
  const body = { trigger, ...updateMask === undefined ? {} : { updateMask } };
  return ok(await client.call("PATCH", `${triggersOf(functionId)}/${id}`, body)).trigger;
}

/** A word that no other test uses. */
export function unique(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 13)}`;
}
