/** The row of a call that was accepted, or skipped. */
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { EffectiveLimits } from "../functions/limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import type { Principal } from "../identity/mod.ts";
import type { Ids } from "../ids.ts";

/** What starts a call. */
export interface CallTrigger {
  readonly kind: InvocationRow["triggerKind"];
  /** Of a trigger, or of the invocation that a replay or a destination follows; null for the API. */
  readonly id: string | null;
}

/** A call that passed every check. */
export interface CallToRecord {
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

const API: CallTrigger = { kind: "api", id: null };

/** What starts a call that names no trigger. */
export function triggerOf({ trigger = API }: { readonly trigger?: CallTrigger }): CallTrigger {
  return trigger;
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
