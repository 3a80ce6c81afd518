/** What the engine needs of a recorded call. */
import { Buffer } from "node:buffer";
import type { AdmissionRequest, InvocationContext, Job } from "../../engine/contract.ts";
import type { HandlerContext } from "../../runtime/wire.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Readers } from "../../store/mod.ts";
import type { HttpExchange } from "../endpoints/exchange.ts";
import { type EffectiveLimits, type FunctionLimits, recordedLimits } from "../functions/limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import { anyFunction } from "../references.ts";
import type { Destinations } from "./conclusion.ts";
import type { CallTrigger } from "./invoke.ts";

/** The row of a call that a node owns. */
export type OwnedRow = InvocationRow & { readonly owner: string };

/** An invocation whose row is written and that is to run; plain data but for the exchange. */
export interface Execution {
  readonly invocation: InvocationContext;
  /** The job without what is read when it starts: the secrets are those of that time. */
  readonly job: Omit<Job, "config" | "context">;
  /** JSON of the variables that were in force when it was accepted. */
  readonly variables: string;
  readonly mode: "sync" | "async";
  /** Undefined without a volume. */
  readonly volumeId: string | undefined;
  /** The status of the row; PENDING becomes RUNNING, durably, before any code of the function runs. */
  readonly recordedAs: "PENDING" | "RUNNING";
  readonly commitId: string;
  readonly trigger: CallTrigger;
  readonly destinations: Destinations;
  /** Calls of its function with the same key share a limit; null for none. */
  readonly concurrencyKey: string | null;
  /** Of the client that sent the request it answers; undefined if it answers none. */
  readonly remoteAddress: string | undefined;
  /** The node that owns it. */
  readonly owner: string;
  /** As recorded: how often it started, and how often it may. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** JSON; null for none. */
  readonly retryPolicy: string | null;
  /** The sequence number of the last log line of earlier attempts, of a call that has started; 0 if absent. */
  readonly lastSequence?: number;
  /** Whether its function had a rate limit when it was accepted. */
  readonly isRateLimited: boolean;
  /** How many calls of its function run at the same time on all nodes; undefined without a limit of the function itself. */
  readonly ownConcurrency: number | undefined;
  /** The request that `fetch` answers; absent for a call of the default export. */
  readonly exchange?: HttpExchange | undefined;
  /** When its request came, by the monotonic clock of this process; absent for an attempt that starts later. */
  readonly receivedMs?: number | undefined;
}

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

/** What an attempt needs of its execution. */
interface Startable {
  readonly invocation: InvocationContext;
  readonly job: Omit<Job, "config" | "context">;
  readonly commitId: string;
  readonly trigger: CallTrigger;
  readonly remoteAddress?: string | undefined;
  readonly exchange?: HttpExchange | undefined;
}

/** The job of an attempt that is about to run, without its configuration. @param attempt its number */
export function startedJob(
  execution: Startable,
  attempt: number,
): Startable["job"] & { readonly context: HandlerContext } {
  const { job, exchange } = execution;
  const context = contextOf(execution, attempt);
  if (exchange === undefined) return { ...job, context };
  const { limits, limits: { timeoutMs = 0 } } = job;
  return {
    ...job,
    context: { ...context, ...peerOf(execution) },
    handler: "fetch",
    inputJson: exchange.takeInput(),
    // Its bodies may take longer than a call.
    limits: { ...limits, timeoutMs: exchange.longestMs(timeoutMs) },
  };
}

/** What the handler learns of its call. */
function contextOf(
  { invocation: { invocationId, functionId }, commitId, trigger, remoteAddress, job }: Startable,
  attempt: number,
): HandlerContext {
  return {
    invocationId,
    functionId,
    commitId,
    attempt,
    trigger: { kind: trigger.kind, ...trigger.id === null ? {} : { id: trigger.id } },
    ...remoteAddress === undefined ? {} : { remoteAddress },
    deadline: new Date(Date.now() + (job.limits.timeoutMs ?? 0)).toISOString(),
  };
}

/** The client in the form of the information of `Deno.serve`. */
function peerOf({ remoteAddress }: Startable): Pick<HandlerContext, "remoteAddr"> {
  if (remoteAddress === undefined) return {};
  return { remoteAddr: { transport: "tcp", hostname: remoteAddress, port: 0 } };
}
