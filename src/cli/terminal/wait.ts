/** What invocations wait for, in words. */
import { showTime } from "./output.ts";

/** The reason for which an invocation without a start time waits. */
const WAITS = {
  WAIT_REASON_CONCURRENCY_KEY: "waits for invocations with its concurrency key",
  WAIT_REASON_CIRCUIT_BREAKER: "paused by the circuit breaker",
} as const satisfies Record<string, string>;
const REASONS = {
  WAIT_REASON_BACKOFF: "backoff",
  WAIT_REASON_DEBOUNCE: "debounce",
  WAIT_REASON_RATE_LIMIT: "rate limit",
} as const satisfies Record<string, string>;

/** What of an invocation says what it waits for. */
interface WaitingInvocation {
  readonly status: string;
  readonly notBefore?: string | undefined;
  readonly waitReason?: string | undefined;
}

/** What an invocation waits for; undefined if it waits for a slot or does not wait. */
export function waitOf(
  { status, notBefore, waitReason = "" }: WaitingInvocation,
): string | undefined {
  if (status !== "PENDING") return undefined;
  if (Object.hasOwn(WAITS, waitReason)) return WAITS[waitReason as keyof typeof WAITS];
  if (notBefore === undefined) return undefined;
  const time = `waits until ${showTime(notBefore)}`;
  if (!Object.hasOwn(REASONS, waitReason)) return time;
  return `${time} (${REASONS[waitReason as keyof typeof REASONS]})`;
}
