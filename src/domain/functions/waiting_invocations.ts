import type { FunctionRow } from "../../store/functions.ts";
import type { Writers } from "../../store/mod.ts";

type Limits = Pick<
  FunctionRow,
  "id" | "rateLimit" | "concurrencyKey" | "maxConcurrencyPerKey" | "circuitBreakerMax"
>;

/**
 * Applies changed limits to the invocations that wait for them, in the transaction of the change. Returns whether some
 * may start earlier. Invocations whose limits did not change keep waiting.
 */
export async function reconsiderWaiting(
  tx: Writers,
  before: Limits,
  after: Limits,
): Promise<boolean> {
  const { id } = before;
  const now = new Date().toISOString();
  const rateDiffers = before.rateLimit !== after.rateLimit;
  if (rateDiffers) await tx.delays.release(id, "rate-limit", now);
  const keyDiffers = before.concurrencyKey !== after.concurrencyKey ||
    before.maxConcurrencyPerKey !== after.maxConcurrencyPerKey;
  if (keyDiffers) await tx.delays.wakeAll(id, now);
  const breakerEnds = before.circuitBreakerMax !== null && after.circuitBreakerMax === null;
  if (breakerEnds) {
    await tx.functions.update(id, { circuitBreakerPausedAt: null });
    await tx.flow.forgetRuns(id);
    await tx.delays.release(id, "circuit-breaker", now);
  }
  return rateDiffers || keyDiffers || breakerEnds;
}
