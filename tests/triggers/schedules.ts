/** Schedules whose times come while a test waits, and their invocations. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import type { TestServer } from "../support/server.ts";
import { triggersOf, unique } from "./support.ts";

export const HOUR_MS = 3_600_000;

/** What `invoked history` prints of a server's function. */
export async function historyOf(server: TestServer, id: string, env = {}): Promise<string> {
  const run = await runInvoked(["history", id], {
    env: { ...env, INVOKED_DATA: server.dataDir },
  });
  assert.equal(run.code, 0, run.stderr);
  return run.stdout;
}

/** Every invocation of a function, oldest first. */
export async function invocationsOf(client: Client, functionId: string): Promise<Json[]> {
  const invocations: Json[] = [];
  let token = "";
  do {
    const path = `/api/v1/functions/${functionId}/invocations?page_size=100&page_token=${token}`;
    const { list, nextPageToken } = ok(await client.get(path));
    invocations.push(...list);
    token = nextPageToken;
  } while (token !== "");
  return invocations.toReversed();
}

/** The invocations of a function once there are `count` of them, and all have ended. */
export async function endedInvocations(
  client: Client,
  functionId: string,
  count: number,
): Promise<Json[]> {
  return await eventually(async () => {
    const invocations = await invocationsOf(client, functionId);
    const hasEnded = invocations.every(({ status }) => /_(SUCCESS|ERROR)$/.test(status));
    return invocations.length >= count && hasEnded ? invocations : undefined;
  }, `${count} ended invocations`);
}

export function soon(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

/** The answer to a request for a time that is soon, and for a later one if a busy machine asked too late. */
export async function askedInTime(ask: (at: string) => Promise<Answer<Json>>): Promise<Json> {
  for (let aheadMs = 1_000;; aheadMs *= 2) {
    const answer = await ask(soon(aheadMs));
    if (answer.status === 200) return answer.body.trigger;
    assertError(answer, "INVALID_FIELD", /must be in the future/);
  }
}

/** A new schedule of one time. */
export async function createSoon(
  client: Client,
  functionId: string,
  schedule: Json = {},
  more: Json = {},
): Promise<Json> {
  const displayName = unique("soon");
  return await askedInTime((at) =>
    client.post(triggersOf(functionId), {
      trigger: { displayName, ...more, schedule: { ...schedule, at } },
    })
  );
}
