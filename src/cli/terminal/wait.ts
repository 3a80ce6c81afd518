/** What invocations wait for, in words. */
import type { Invocation } from "../client/schemas.ts";
import { showTime } from "./output.ts";

/** The reason for which an invocation without a start time waits. */
const WAITS = new Map([
  ["WAIT_REASON_CONCURRENCY_KEY", "waits for invocations with its concurrency key"],
  ["WAIT_REASON_CIRCUIT_BREAKER", "paused by the circuit breaker"],
]);
const REASONS = new Map([
  ["WAIT_REASON_BACKOFF", "backoff"],
  ["WAIT_REASON_DEBOUNCE", "debounce"],
  ["WAIT_REASON_RATE_LIMIT", "rate limit"],
]);

/** What an invocation waits for; undefined if it waits for a slot or does not wait. */
export function waitOf(
  { status, notBefore, waitReason = "" }: Pick<Invocation, "status" | "notBefore" | "waitReason">,
): string | undefined {
  if (status !== "PENDING") return undefined;
  const wait = WAITS.get(waitReason);
  if (wait !== undefined || notBefore === undefined) return wait;
  const reason = REASONS.get(waitReason);
  return `waits until ${showTime(notBefore)}${reason === undefined ? "" : ` (${reason})`}`;
}
