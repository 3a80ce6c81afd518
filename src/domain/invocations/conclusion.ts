/** What follows the end of a call, in the transaction of that end. */
import type { InvocationEnd, InvocationRow } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";

/** What of a call decides what follows its end. */
export type EndedCall = Pick<InvocationRow, "id" | "mode" | "triggerKind" | "maxAttempts">;

/** The word at the start of the error of a call that somebody cancelled. */
const CANCELLED = "CANCELLED:";

/** Parks a failed call as a dead letter, if it is asynchronous and could start again or has a trigger. */
export async function conclude(
  tx: Writers,
  { id, mode, triggerKind, maxAttempts }: EndedCall,
  end: InvocationEnd,
  now: string,
): Promise<void> {
  if (end.status === "SUCCESS" || mode === "sync" || end.error.startsWith(CANCELLED)) return;
  if (maxAttempts > 1 || triggerKind !== "api") await tx.invocations.park(id, now);
}
