/** Deliveries to webhooks of tests, and the invocations that they start. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import type * as signing from "./signing.ts";
import { triggersOf } from "./support.ts";

/** The deliveries to the listener of a trigger. */
export const deliveriesOf = async (client: Client, { functionId, id }: Json): Promise<Json[]> =>
  ok(await client.get(`${triggersOf(functionId)}/${id}/deliveries`)).list;

/** Delivers to a listener, as a stranger without a token. */
export function deliver(
  client: Client,
  { webhook: { listenerId } }: Json,
  body: string | Uint8Array,
  headers: signing.Headers,
  query = "",
) {
  const path = `/api/v1/webhooks/incoming/${listenerId}${query}`;
  return new Client(client.url, undefined).call("POST", path, body, headers);
}

/** The record of the only invocation that a trigger has started, once it has ended. */
export async function onlyInvocation(client: Client, trigger: Json): Promise<Json> {
  const started = (await deliveriesOf(client, trigger)).filter(({ status }) =>
    status === "DELIVERY_STATUS_STARTED"
  );
  assert.equal(started.length, 1);
  return await client.ended(trigger.functionId, started[0].invocationId);
}
