/** A call that passed every check, its row, and the transaction that records it. */
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { EffectiveLimits } from "../functions/limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import type { Principal } from "../identity/mod.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { admitNow, governed } from "./flow_control.ts";
import { type Idempotency, type IdempotentRequest, lockOf } from "./idempotency.ts";
import type { CallTrigger, Invoke } from "./invoke.ts";

/** A call that passed every check. */
interface CallToRecord {
  readonly fn: FunctionRow;
  readonly limits: EffectiveLimits;
  readonly commit: FinalizedCommitRow;
  readonly inputJson: string;
  readonly volumeId: string | null;
  readonly trigger: CallTrigger;
  readonly mode: InvocationRow["mode"];
  readonly maxAttempts: number;
  /** JSON; null for none. */
  readonly retryPolicy: string | null;
  readonly destinationDepth: number;
  /** Calls of the function with the same key share a limit; null for none. */
  readonly concurrencyKey: string | null;
  /** The time that it waits for; undefined if it may start at once. */
  readonly notBefore: Date | undefined;
}

/** @param isStarted whether its first attempt begins with the row */
export function newRow(
  ids: Ids,
  by: Principal,
  call: CallToRecord,
  { isStarted, owner }: { readonly isStarted: boolean; readonly owner: string | null },
): InvocationRow {
  const { fn, limits, commit, inputJson, volumeId, trigger, mode, notBefore } = call;
  const { maxAttempts, retryPolicy, destinationDepth, concurrencyKey } = call;
  // Searches by time use ids: both have the same second.
  const { id, time } = ids.nextWithTime();
  const now = time.toISOString();
  const caller = by.invocation;
  return {
    id,
    functionId: fn.id,
    commitId: commit.id,
    principalId: by.id,
    parentInvocationId: caller?.invocationId ?? null,
    depth: caller === undefined ? 0 : caller.depth + 1,
    processReuse: fn.processReuse,
    mode,
    status: isStarted ? "RUNNING" : "PENDING",
    input: inputJson,
    output: null,
    error: null,
    errorCode: null,
    ...limits,
    // A restart resumes asynchronous calls alone.
    variables: mode === "async" && fn.variables !== NO_VARIABLES ? fn.variables : null,
    volumeId,
    volumeVersionRead: null,
    volumeVersionWritten: null,
    processKind: null,
    attempt: isStarted ? 1 : 0,
    maxAttempts,
    owner,
    worker: null,
    triggerKind: trigger.kind,
    triggerId: trigger.id,
    notBefore: notBefore?.toISOString() ?? null,
    startedAt: isStarted ? now : null,
    earlierAttempts: null,
    skipReason: null,
    retryPolicy,
    parkedAt: null,
    destinationDepth,
    concurrencyKey,
    http: null,
    failedAnswer: 0,
    durationMicros: null,
    cpuMicros: null,
    measured: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** A call that passed every check and has no row yet. */
export interface CheckedCall extends CallToRecord {
  readonly request: IdempotentRequest | undefined;
  readonly call: Invoke;
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
  { fn, request, call, mode }: Pick<CheckedCall, "fn" | "request" | "call" | "mode">,
  { startsNow = false, further }: RecordOptions = {},
): Promise<string | undefined> {
  // A synchronous call has no id outside the server yet, and its outcome is durable before it is answered, together with
  // all that was committed before. What a repeat must find, a restart must resume, or a client learns before the end, is
  // durable now.
  const mayWait = row.status === "RUNNING" && request === undefined &&
    call.exchange === undefined;
  // A call that waited for its concurrency key obeys the limits of now.
  const limited = governed(fn) && governed(await store.read.functions.get(fn.id) ?? fn);
  const recorded = await store.write(
    async (tx) => {
      const earlier = request === undefined ? undefined : await idempotency.holder(tx, request);
      if (earlier !== undefined) return earlier;
      const isChecked = mode === "sync" && row.skipReason === null;
      const admitted = isChecked && limited
        ? await admitNow(tx, limited, row, startsNow)
        : undefined;
      if (admitted instanceof DomainError) return admitted;
      await call.alongside?.(tx, row);
      await tx.invocations.insert({ ...row, ...admitted });
      await further?.(tx);
      if (request !== undefined) await idempotency.claim(tx, request, row);
      return undefined;
    },
    mayWait ? "committed" : "durable",
    [
      ...request === undefined ? [] : [lockOf(request)],
      ...limited === undefined ? [] : [locks.ofFlow(fn.id)],
    ],
  );
  if (recorded instanceof DomainError) throw recorded;
  return recorded;
}
