/** A call that passed every check, its row, and the transaction that records it. */
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { EffectiveLimits } from "../limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import type { Principal } from "../identity/mod.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { admitNow, withFlowLimits } from "./flow_control.ts";
import { type Idempotency, type IdempotentRequest, lockOf } from "./idempotency.ts";
import { type Invoke, triggerOf } from "./invoke.ts";

/** A call that passed every check, with what the checks found. It has no row yet. */
export interface AcceptedCall {
  readonly by: Principal;
  readonly request: Invoke;
  readonly fn: FunctionRow;
  readonly commit: FinalizedCommitRow;
  /** Those in force. */
  readonly limits: EffectiveLimits;
  readonly inputJson: string;
  readonly volumeId: string | null;
  readonly mode: InvocationRow["mode"];
  readonly attempts: Pick<InvocationRow, "maxAttempts" | "retryPolicy">;
  /** Calls of the function with the same key share a limit; null for none. */
  readonly concurrencyKey: string | null;
  /** Undefined for a request without an idempotency key. */
  readonly idempotency: IdempotentRequest | undefined;
}

/**
 * The row of a call that was accepted, or skipped.
 * @param isStarted whether its first attempt begins with the row
 */
export function newRow<Owner extends string | null>(
  ids: Ids,
  call: AcceptedCall,
  { isStarted, owner }: { readonly isStarted: boolean; readonly owner: Owner },
): InvocationRow & { readonly owner: Owner } {
  const { by, request, fn, limits, mode } = call;
  const trigger = triggerOf(request);
  // Searches by time use ids: both have the same second.
  const { id, time } = ids.nextWithTime();
  const now = time.toISOString();
  const caller = by.invocation;
  return {
    id,
    functionId: fn.id,
    commitId: call.commit.id,
    principalId: by.id,
    parentInvocationId: caller?.invocationId ?? null,
    depth: depthOf(by),
    processReuse: fn.processReuse,
    mode,
    status: isStarted ? "RUNNING" : "PENDING",
    input: call.inputJson,
    output: null,
    error: null,
    errorCode: null,
    ...limits,
    ...call.attempts,
    // A restart resumes asynchronous calls alone.
    variables: mode === "async" && fn.variables !== NO_VARIABLES ? fn.variables : null,
    volumeId: call.volumeId,
    volumeVersionRead: null,
    volumeVersionWritten: null,
    processKind: null,
    attempt: isStarted ? 1 : 0,
    owner,
    worker: null,
    triggerKind: trigger.kind,
    triggerId: trigger.id,
    notBefore: request.notBefore?.toISOString() ?? null,
    startedAt: isStarted ? now : null,
    earlierAttempts: null,
    skipReason: null,
    parkedAt: null,
    destinationDepth: request.destinationDepth ?? 0,
    concurrencyKey: call.concurrencyKey,
    http: null,
    failedAnswer: 0,
    durationMicros: null,
    cpuMicros: null,
    measured: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** Calls between a call by this principal and the call from outside. */
export function depthOf({ invocation }: Principal): number {
  return invocation === undefined ? 0 : invocation.depth + 1;
}

interface RecordOptions {
  /** Whether it has its slot where it runs, so that it counts against the rate limit from now on. */
  readonly startsNow?: boolean;
  /** What else its transaction writes. */
  readonly further?: (tx: Writers) => Promise<void>;
}

/**
 * Makes the invocation durable.
 * @returns the earlier one instead when its idempotency key was taken meanwhile
 * @throws RATE_LIMITED, CONCURRENCY_KEY_BUSY and CIRCUIT_BREAKER_PAUSED for a call that waits
 */
export async function recordCall(
  store: Store,
  idempotency: Idempotency,
  row: InvocationRow,
  { fn, request, mode, idempotency: key }: Omit<AcceptedCall, "commit">,
  { startsNow = false, further }: RecordOptions = {},
): Promise<string | undefined> {
  // A synchronous call has no id outside the server yet, and its outcome is durable before it is answered, together with
  // all that was committed before. What a repeat must find, a restart must resume, or a client learns before the end, is
  // durable now.
  const mayWait = row.status === "RUNNING" && key === undefined &&
    request.httpRequest === undefined;
  // A call that waited for its concurrency key obeys the limits of now.
  const limited = withFlowLimits(fn) && withFlowLimits(await store.read.functions.get(fn.id) ?? fn);
  const recorded = await store.write(
    async (tx) => {
      const earlier = key === undefined ? undefined : await idempotency.holder(tx, key);
      if (earlier !== undefined) return earlier;
      const isChecked = mode === "sync" && row.skipReason === null;
      const admitted = isChecked && limited
        ? await admitNow(tx, limited, row, startsNow)
        : undefined;
      if (admitted instanceof DomainError) return admitted;
      await request.alongside?.(tx, row);
      await tx.invocations.insert({ ...row, ...admitted });
      await further?.(tx);
      if (key !== undefined) await idempotency.claim(tx, key, row);
      return undefined;
    },
    mayWait ? "committed" : "durable",
    [
      ...key === undefined ? [] : [lockOf(key)],
      ...limited === undefined ? [] : [locks.ofFlow(fn.id)],
    ],
  );
  if (recorded instanceof DomainError) throw recorded;
  return recorded;
}
