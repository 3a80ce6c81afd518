/** Schedules whose times have passed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { settings } from "../retries/support.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { createTrigger, triggersOf } from "./support.ts";

/** Leaves a schedule whose last run has not ended, so that its next times wait. */
export async function waitingSchedule(client: Client): Promise<Json> {
  const id = await client.deploy(`export default () => { throw new Error("as asked"); };`);
  await settings(client, id, {
    retryPolicy: { initialBackoff: "3600s", maxBackoff: "3600s", maxAttempts: 2 },
  });
  // No time passes by itself: an invocation more would begin beside the one that fails.
  const schedule = { cronSpec: "0 0 1 1 *", overlap: "OVERLAP_QUEUE" };
  const { trigger } = await createTrigger(client, id, { schedule });
  ok(await client.post(`${triggersOf(id)}/${trigger.id}/run`, {}));
  await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${id}/invocations`));
    return list[0]?.attempts?.length === 1 || undefined;
  }, "the first attempt");
  return trigger;
}

/** Moves the next time of a schedule into the past, while no server runs. */
export function delaySchedule(dataDir: string, { id }: Json): void {
  using db = new DatabaseSync(join(dataDir, "invoked.db"));
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const { changes } = db.prepare(
    "update schedules set next_at = ?, queued_to = ? where trigger_id = ?",
  )
    .run(minutesAgo(5), minutesAgo(1), id);
  assert.equal(changes, 1);
}
