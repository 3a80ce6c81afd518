/** What the times of a schedule start, and how times that start nothing are recorded. */
import type { Writers } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError } from "../errors.ts";
import type { Invocations } from "../invocations/invocations.ts";
import type { Invoke } from "../invocations/invoke.ts";
import { principalOf } from "./principal.ts";
import { timesBefore } from "./schedule_times.ts";
import { type ScheduleSettings, settingsOf } from "./settings.ts";

/** The invocation of a time. */
export function invocationOf(trigger: TriggerRow, { input }: ScheduleSettings): Invoke {
  return {
    functionId: trigger.functionId,
    commitId: "",
    json: new TextEncoder().encode(JSON.stringify(input)),
    vfsId: trigger.volumeId ?? "",
    idempotencyKey: undefined,
    wait: { kind: "at-most", ms: 0 },
    trigger: { kind: "schedule", id: trigger.id },
  };
}

/** Times of a schedule in words. */
export function timesInWords(from: string, to: string): string {
  return from === to ? `the time ${from}` : `the times from ${from} to ${to}`;
}

/**
 * Records the times of a schedule that have come and have started nothing, such as times that wait for an earlier run,
 * before a change in the same transaction removes them: as one skipped invocation, or as the reason why none can be
 * recorded.
 * @param trigger as it is before the change
 * @param change what happens to it, such as `edited`
 */
export async function skipUntaken(
  tx: Writers,
  invocations: Pick<Invocations, "skippedRow">,
  trigger: TriggerRow,
  change: string,
  now: Date,
): Promise<void> {
  const settings = settingsOf(trigger);
  if (settings.kind !== "schedule") return;
  const { schedule } = settings;
  const { id } = trigger;
  const from = (await tx.schedules.of([id])).get(id)?.nextAt ?? undefined;
  if (from === undefined || from > now.toISOString()) return;
  const [last] = timesBefore(schedule, now, 1);
  const to = last?.toISOString() ?? from;
  const message = `${timesInWords(from, to)} had come and had started nothing yet when the ` +
    `schedule was ${change}`;
  const skip = { reason: "SCHEDULE_CHANGED", message } as const;
  const taken = { lastAt: to, lastInvocationId: null, lastReason: message };
  try {
    const invocation = invocationOf(trigger, schedule);
    const row = await invocations.skippedRow(tx, principalOf(trigger), invocation, skip);
    // False if another node has started it meanwhile.
    const run = { ...taken, lastInvocationId: row.id, lastReason: null };
    if (await tx.schedules.take(id, from, null, run)) tx.invocations.insert(row);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const lastReason = `${message}; it is not in the history: ${error.message}`;
    await tx.schedules.take(id, from, null, { ...taken, lastReason });
  }
}
