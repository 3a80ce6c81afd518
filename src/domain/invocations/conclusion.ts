/** What follows the end of a call, in the transaction of that end. */
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationEnd, InvocationRow } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";

/** What of a call decides what follows its end. */
export type EndedCall =
  & Pick<InvocationRow, "id" | "functionId" | "mode" | "triggerKind" | "maxAttempts">
  & Destinations;

/** Where the ends of calls go; JSON, null for nowhere. */
export type Destinations = Pick<FunctionRow, "onSuccess" | "onFailure">;

/**
 * Leaves the end of an asynchronous call for its destination. Parks a failed one as a dead letter, if it could start again
 * or has a trigger. Of a call that somebody cancelled nothing follows.
 */
export async function conclude(
  tx: Writers,
  call: EndedCall,
  end: InvocationEnd,
  now: string,
): Promise<void> {
  const hasFailed = end.status === "ERROR";
  if (call.mode === "sync" || (hasFailed && end.code === "CANCELLED")) return;
  const event = hasFailed ? "onFailure" : "onSuccess";
  const { id, functionId, [event]: target } = call;
  if (target !== null) {
    await tx.outbox.insert({
      invocationId: id,
      functionId,
      event,
      target,
      state: "PENDING",
      attempts: 0,
      dueAt: now,
      error: null,
      startedId: null,
      updatedAt: now,
    });
  }
  if (hasFailed && (call.maxAttempts > 1 || call.triggerKind !== "api")) {
    await tx.invocations.park(id, now);
  }
}
