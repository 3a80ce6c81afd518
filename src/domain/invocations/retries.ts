/** What follows an attempt of a call: another one and when, or what the end of the call leaves. */
import { backoffMs } from "../../shared/backoff.ts";
import type { InvocationError } from "../../store/failures.ts";
import type { AttemptKey, InvocationEnd, InvocationRow } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { rateOf } from "./rate_limit.ts";
import {
  DEFAULT_RETRY_POLICY,
  type RetryPolicy,
  retryPolicyOf,
} from "../functions/retry_policy.ts";

/** The next attempt of a call. */
export interface NextAttempt {
  /** How long it waits; undefined if it may begin at once. */
  readonly delayMs: number | undefined;
}

/**
 * The policy of an asynchronous call: that of its function, else that of its trigger, else `maxAttempts` for calls whose
 * server ends. Calls that wait start once.
 */
export function attemptsOf(
  fn: Pick<FunctionRow, "retryPolicy">,
  { mode, triggerKind }: Pick<InvocationRow, "mode" | "triggerKind">,
  maxAttempts: number,
): Pick<InvocationRow, "maxAttempts" | "retryPolicy"> {
  if (mode === "sync") return { maxAttempts: 1, retryPolicy: null };
  const isOfTrigger = triggerKind === "schedule" || triggerKind === "webhook";
  const policy = fn.retryPolicy !== null
    ? retryPolicyOf(fn.retryPolicy)
    : isOfTrigger
    ? DEFAULT_RETRY_POLICY
    : undefined;
  if (policy === undefined) return { maxAttempts, retryPolicy: null };
  return { maxAttempts: policy.maxAttempts, retryPolicy: JSON.stringify(policy) };
}

/**
 * The attempt that follows one with this error; undefined if none does.
 * @param attempt its number; 0 if the call did not start
 */
export function nextAttempt(
  { mode, maxAttempts, retryPolicy }: InvocationRow,
  code: string,
  attempt: number,
): NextAttempt | undefined {
  if (mode === "sync" || attempt === 0 || attempt >= maxAttempts) return undefined;
  if (retryPolicy === null) return code === "INTERRUPTED" ? { delayMs: undefined } : undefined;
  const policy = JSON.parse(retryPolicy) as RetryPolicy;
  if (!policy.retryOn.includes(code)) return undefined;
  const { initialBackoffMs: initialMs, maxBackoffMs: maxMs } = policy;
  return { delayMs: backoffMs({ initialMs, maxMs }, attempt) };
}

/**
 * Leaves a call for its next attempt, in the open transaction; undefined if it has ended, or is another node's.
 * @param fn its function: under a rate limit each attempt needs a permit
 * @param owner of a call that may begin at once; null if any node may claim it
 * @param error how the attempt ended; undefined if none of its code ran, so that it does not count
 */
export async function repeat(
  tx: Writers,
  { functionId, ...attempt }: AttemptKey & { readonly functionId: string },
  next: NextAttempt,
  fn: FunctionRow | undefined,
  owner: string | null,
  error: InvocationError | undefined,
): Promise<{ readonly attempt: number; readonly isDelayed: boolean } | undefined> {
  const now = new Date();
  const counted = error === undefined ? attempt.attempt - 1 : attempt.attempt;
  const delayMs = next.delayMs ?? (rateOf(fn) === undefined ? undefined : 0);
  if (delayMs === undefined) {
    const ready = { owner, attempt: counted };
    const isLeft = await tx.invocations.release(attempt, ready, now.toISOString(), error);
    return isLeft ? { attempt: counted, isDelayed: false } : undefined;
  }
  const dueAt = new Date(now.getTime() + delayMs).toISOString();
  const later = { owner: null, attempt: counted, notBefore: dueAt };
  if (!await tx.invocations.release(attempt, later, now.toISOString(), error)) return undefined;
  const { id: invocationId } = attempt;
  await tx.delays.insert({
    invocationId,
    functionId,
    dueAt,
    reason: "backoff",
    key: null,
    since: null,
  });
  return { attempt: counted, isDelayed: true };
}

/**
 * Leaves the end of an asynchronous call for its destination. Parks a failed one as a dead letter, if it could start again
 * or has a trigger. Of a call that somebody cancelled nothing follows.
 */
export async function conclude(
  tx: Writers,
  { row, fn }: { readonly row: InvocationRow; readonly fn: FunctionRow | undefined },
  end: InvocationEnd,
  now: string,
): Promise<void> {
  const hasFailed = end.status === "ERROR";
  if (row.mode === "sync" || (hasFailed && end.code === "CANCELLED")) return;
  const event = hasFailed ? "onFailure" : "onSuccess";
  const { id, functionId } = row;
  const target = fn?.[event] ?? null;
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
  if (hasFailed && (row.maxAttempts > 1 || row.triggerKind !== "api")) {
    await tx.invocations.park(id, now);
  }
}
