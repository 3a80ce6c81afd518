/** What tests of retries share. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { HttpHost } from "../support/http_host.ts";

export const STATUS = "FUNCTION_INVOCATION_STATUS_";
export const BACKGROUND = { prefer: "respond-async" };

/** A policy whose backoff is as short as the server allows. */
export const QUICK = { initialBackoff: "0.010s", maxBackoff: "0.020s" };

/** Fails as the input says, up to the attempt that succeeds. */
export const UNSTEADY =
  `export default async ({ until = 1, how = "throw" }, { attempt, trigger }) => {
  console.log("attempt " + attempt);
  if (attempt >= until) return { attempt, trigger };
  if (how === "throw") throw new Error("not yet");
  if (how === "exit") Deno.exit(3);
  if (how === "text") return "text";
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};`;

/** Sets settings of a function. */
export async function settings(client: Client, id: string, change: Json): Promise<void> {
  const { status, body } = await client.post("/api/v1/functions/update", {
    function: { id, ...change },
    updateMask: Object.keys(change).join(","),
  });
  assert.equal(status, 200, JSON.stringify(body));
}

/** Calls a function asynchronously; returns the id of the invocation. */
export async function start(client: Client, id: string, input: unknown = {}): Promise<string> {
  const { status, body } = await client.invoke(id, input, BACKGROUND);
  assert.equal(status, 200, JSON.stringify(body));
  return body.invocationId;
}

/** Ids of the dead letters of a function. */
export async function deadLetters(client: Client, id: string): Promise<string[]> {
  const { status, body } = await client.get(`/api/v1/functions/${id}/dead_letters`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.list.map((one: Json) => one.id);
}

/** Deletes the dead letters of a function. */
export async function dropDeadLetters(client: Client, functionId: string): Promise<void> {
  for (const id of await deadLetters(client, functionId)) {
    ok(await client.call("DELETE", `/api/v1/functions/${functionId}/dead_letters/${id}`, {}));
  }
}

/** A host that keeps what it gets, and answers the next statuses, and then 200. */
export class Receiver extends HttpHost {
  readonly got: { readonly headers: Record<string, string>; readonly body: string }[] = [];
  readonly statuses: number[] = [];

  protected override async answer(request: Request): Promise<Response> {
    const headers = Object.fromEntries(request.headers);
    this.got.push({ headers, body: await request.text() });
    return new Response(null, { status: this.statuses.shift() ?? 204 });
  }
}

/** Signs what a receiver gets. */
export const SECRET = `whsec_${"c2VjcmV0".repeat(4)}`;

/** A function whose ends go to the receiver. */
export async function deployFor(client: Client, receiver: Receiver): Promise<string> {
  const id = await client.deploy(UNSTEADY);
  const url = `http://${receiver.host}/ends?x=1`;
  const outboundNetworkAllowlist = [receiver.host];
  const target = { url, secret: SECRET };
  await settings(client, id, { outboundNetworkAllowlist, onSuccess: target, onFailure: target });
  return id;
}

/** The invocation once its end has arrived, or will not. */
export async function sent(client: Client, id: string, made: string): Promise<Json> {
  return await eventually(async () => {
    const { destination, ...invocation } = await client.invocation(id, made);
    const isOver = /_(DELIVERED|FAILED)$/.test(destination?.state ?? "");
    return isOver ? { ...invocation, destination } : undefined;
  }, "the end at its destination");
}

/** When attempts of invocations started, as the server recorded them, earliest first. */
export function startsOf(invocations: readonly Json[]): number[] {
  return invocations.flatMap(({ attempts = [], startedAt }) => [
    ...attempts.map((one: Json) => one.startedAt),
    ...attempts.length === 0 ? [startedAt] : [],
  ]).filter((time) => time !== undefined).map(Date.parse).toSorted((a, b) => a - b);
}

/**
 * Checks that in no window of the length of the period more than `calls` attempts started. The times are those that the
 * server decided on, so a slow machine moves them apart only.
 */
export function assertRate(starts: readonly number[], calls: number, periodMs: number): void {
  for (const [at, later] of starts.slice(calls).entries()) {
    const gap = later - (starts[at] ?? 0);
    const times = starts.map((time) => time - (starts[0] ?? 0)).join(" ");
    assert.ok(gap >= periodMs, `start ${at + calls} came ${gap} ms after start ${at}: ${times}`);
  }
}
