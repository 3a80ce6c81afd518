/** Invocations that start later. */
import { countOf, formatDuration } from "../../config/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import { flowLimitsOf } from "../functions/flow_settings.ts";
import { firstDelay } from "./admission.ts";

/** Asserts that a time is neither in the past nor too far away. @throws INVALID_FIELD */
export function checkInvokeAt(at: Date, maxDelayMs: number): void {
  const now = new Date();
  const aheadMs = at.getTime() - now.getTime();
  const description = aheadMs <= 0
    ? `${at.toISOString()} is in the past; the time of the server is ${now.toISOString()}`
    : aheadMs > maxDelayMs
    ? `${at.toISOString()} is further ahead than the limit of ${
      formatDuration(maxDelayMs)
    } (--max-delay)`
    : undefined;
  if (description !== undefined) throw invalid({ field: "Invoke-At", description });
}

/**
 * Delays an invocation in the transaction of its row: up to its time, or until the limits of its function let it start.
 * Returns the invocation that it replaces, if any.
 * @throws TOO_MANY_DELAYED
 */
export async function delayInvocation(
  tx: Writers,
  fn: FunctionRow,
  row: InvocationRow,
  maxDelayed: number,
): Promise<string | undefined> {
  const limits = flowLimitsOf(fn);
  const { notBefore, triggerKind } = row;
  // The time of a schedule has come: what is debounced begins to wait.
  const isLater = notBefore !== null && triggerKind !== "schedule";
  if (isLater || limits === undefined) {
    await assertBelowLimit(tx, fn, maxDelayed);
    await delayUntilDue(tx, row, notBefore ?? row.createdAt);
    return undefined;
  }
  const { delay, replacedId } = await firstDelay(tx, fn, limits, row);
  await assertBelowLimit(tx, fn, maxDelayed);
  await tx.delays.insert(delay);
  return replacedId;
}

/** Leaves an invocation whose row is PENDING and has no owner to the scheduler. */
export async function delayUntilDue(
  tx: Writers,
  { id: invocationId, functionId }: Pick<InvocationRow, "id" | "functionId">,
  dueAt: string,
): Promise<void> {
  const base = { invocationId, functionId, key: null, since: null };
  await tx.delays.insert({ ...base, dueAt, reason: "invoke-at" });
}

async function assertBelowLimit(
  tx: Writers,
  { id }: FunctionRow,
  maxDelayed: number,
): Promise<void> {
  if (await tx.delays.count(id, maxDelayed) < maxDelayed) return;
  throw new DomainError(
    "TOO_MANY_DELAYED",
    `Function ${id} already has ${countOf(maxDelayed, "scheduled invocation")}, ` +
      "the limit of one function (--max-delayed)",
    { retryAfterSeconds: 1 },
  );
}
