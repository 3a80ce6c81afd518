/** What the engine needs of a recorded call. */
import { Buffer } from "node:buffer";
import type { AdmissionRequest } from "../../engine/contract.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Readers } from "../../store/mod.ts";
import { type EffectiveLimits, type FunctionLimits, recordedLimits } from "../functions/limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import { anyFunction } from "../references.ts";
import type { Execution } from "./execution.ts";

/** The row of a call that a node owns. */
export type OwnedRow = InvocationRow & { readonly owner: string };

/** A recorded call that waits: what it asks of the engine, and what runs. */
export interface Plan {
  readonly admission: AdmissionRequest;
  readonly execution: Execution;
}

/** The plan of a call that was accepted earlier, or by another node. */
export async function planOf(
  read: Readers,
  row: OwnedRow,
  functionLimits: FunctionLimits,
): Promise<Plan> {
  const { functionId, commitId, variables } = row;
  const commit = await read.commits.get(functionId, commitId) as FinalizedCommitRow;
  const fn = await anyFunction(read, functionId);
  const limits = recordedLimits(row) ?? functionLimits.of(fn);
  return {
    admission: admissionOf({ ...row, ...limits }),
    execution: executionOf(row, { fn, commit, limits, variables }),
  };
}

export function admissionOf(
  { functionId, input, mode, maxConcurrency }:
    & Pick<InvocationRow, "functionId" | "input" | "mode">
    & EffectiveLimits,
): AdmissionRequest {
  return { functionId, inputBytes: Buffer.byteLength(input), mode, maxConcurrency };
}

/** Whether the function has a limit of its own for its calls that run. */
export function hasOwnConcurrency({ maxConcurrency }: FunctionRow): boolean {
  return maxConcurrency !== null;
}

export function executionOf(
  row: OwnedRow,
  { fn, commit, limits: { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency }, variables }: {
    readonly fn: FunctionRow;
    readonly commit: FinalizedCommitRow;
    readonly limits: EffectiveLimits;
    /** JSON; null for none. */
    readonly variables: string | null;
  },
  { remoteAddress, exchange, receivedMs }: Partial<
    Pick<Execution, "remoteAddress" | "exchange" | "receivedMs">
  > = {},
): Execution {
  return {
    invocation: { invocationId: row.id, functionId: row.functionId, depth: row.depth },
    job: {
      scriptDigest: commit.scriptDigest,
      scriptKey: commit.scriptDigest,
      functionKey: row.functionId,
      sourceMapDigest: commit.sourceMapDigest,
      ...row.processReuse === "PROCESS_REUSE_SEQUENTIAL" ? { reuseKey: reuseKeyOf(row, fn) } : {},
      inputJson: row.input,
      outboundAllowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
      limits: { timeoutMs, cpuTimeMs, memoryBytes },
    },
    variables: variables ?? NO_VARIABLES,
    mode: row.mode,
    volumeId: row.volumeId ?? undefined,
    recordedAs: row.status === "RUNNING" ? "RUNNING" : "PENDING",
    commitId: row.commitId,
    trigger: { kind: row.triggerKind, id: row.triggerId },
    concurrencyKey: row.concurrencyKey,
    destinations: { onSuccess: fn.onSuccess, onFailure: fn.onFailure },
    remoteAddress,
    exchange,
    receivedMs,
    owner: row.owner,
    attempt: row.attempt,
    maxAttempts: row.maxAttempts,
    retryPolicy: row.retryPolicy,
    isRateLimited: fn.rateLimit !== null,
    // A nested call may run on the slot of its caller, so it must not wait for that one.
    ownConcurrency: !hasOwnConcurrency(fn) || row.depth > 0 ? undefined : maxConcurrency,
  };
}

/**
 * Names the calls that may find the state of this one in a reused process: those of the same caller on the same volume,
 * while nothing of the function changes.
 */
function reuseKeyOf(
  { functionId, commitId, principalId, volumeId }: InvocationRow,
  { updatedAt }: FunctionRow,
): string {
  return JSON.stringify([functionId, commitId, principalId, volumeId, updatedAt]);
}
