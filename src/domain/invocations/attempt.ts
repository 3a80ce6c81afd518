/**
 * An attempt of a recorded invocation, and what the engine needs of it. What follows an attempt: the next one and its
 * time, or what the end of the invocation leaves.
 */
import { Buffer } from "node:buffer";
import type { AdmissionRequest, Job } from "../../engine/contract.ts";
import type { HandlerContext, InvocationConfig } from "../../runtime/wire.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { AttemptKey, InvocationEnd, InvocationRow } from "../../store/invocations.ts";
import type { Readers, Writers } from "../../store/mod.ts";
import type { HttpRequest } from "../endpoints/http_request.ts";
import { type EffectiveLimits, type FunctionLimits, recordedLimits } from "../limits.ts";
import { locks } from "../locks.ts";
import type { Lease, Ownership } from "../ownership/contract.ts";
import { evaluationOf } from "../functions/evaluation.ts";
import { NO_VARIABLES } from "../functions/secrets.ts";
import { anyFunction } from "../references.ts";
import { backoffMs } from "../../shared/backoff.ts";
import type { InvocationError } from "../../store/failures.ts";
import { rateOf } from "./rate_limit.ts";
import {
  DEFAULT_RETRY_POLICY,
  type RetryPolicy,
  retryPolicyOf,
} from "../functions/retry_policy.ts";

/** The row of an invocation that a node owns. */
type OwnedRow = InvocationRow & { readonly owner: string };

/** An attempt of a recorded invocation, begun or about to begin; plain data but for the HTTP request. */
export interface Attempt {
  /**
   * As recorded when the attempt was planned: PENDING with the number of the attempt before, or RUNNING with its own.
   * PENDING becomes RUNNING, durably, before any code of the function runs.
   */
  readonly row: OwnedRow;
  readonly fn: FunctionRow;
  readonly commit: FinalizedCommitRow;
  /** In force when the invocation was accepted. */
  readonly limits: EffectiveLimits;
  /** The sequence number of the last log line of earlier attempts, of a row that is RUNNING; 0 if absent. */
  readonly lastSequence?: number;
  /**
   * Under which this node recorded a row that is RUNNING: once the lease has ended, another node may have ended the
   * invocation, so that the attempt does not begin.
   */
  readonly lease?: Lease;
  /** What only the process has that accepted the invocation. */
  readonly live?: LiveInvocation;
}

/** The parts of an invocation that are not in its record. */
interface LiveInvocation {
  /** Of the client that sent the request it answers. */
  readonly remoteAddress?: string | undefined;
  /** The request that `fetch` answers; absent for an invocation of the default export. */
  readonly httpRequest?: HttpRequest | undefined;
  /** Whether an HTTP request waits for its end, to which telemetry joins it. */
  readonly endsRequest?: boolean;
  /** When its request came, by the monotonic clock of this process; absent for an attempt that starts later. */
  readonly receivedMs?: number | undefined;
}

/** The next attempt of an invocation that was accepted earlier, or by another node. */
export async function attemptOf(
  read: Readers,
  row: OwnedRow,
  functionLimits: FunctionLimits,
): Promise<Attempt> {
  const commit = await read.commits.get(row.functionId, row.commitId) as FinalizedCommitRow;
  const fn = await anyFunction(read, row.functionId);
  return { row, fn, commit, limits: recordedLimits(row) ?? functionLimits.of(fn) };
}

/** The attempt that follows in this process. @param last the number of the one before, as it is recorded */
export function attemptAfter({ row, live, lease: _, ...attempt }: Attempt, last: number): Attempt {
  return {
    ...attempt,
    row: { ...row, status: "PENDING", attempt: last },
    live: { ...live, receivedMs: undefined },
  };
}

/** What an invocation asks of the engine before it runs. */
export function admissionOf(
  { functionId, input, mode, maxConcurrency }:
    & Pick<InvocationRow, "functionId" | "input" | "mode">
    & EffectiveLimits,
): AdmissionRequest {
  return { functionId, inputBytes: Buffer.byteLength(input), mode, maxConcurrency };
}

/** A function's own limit for its invocations that run on all nodes, in the transaction that starts an invocation. */
export interface RunningLimit {
  /** Held by the transaction. */
  readonly lock: string;
  isReached(tx: Writers): Promise<boolean>;
}

/**
 * The limit that an invocation counts against; undefined without one, and if the limiter of this node counts all
 * invocations.
 */
export function runningLimitOf(
  { row, fn, limits }: Pick<Attempt, "fn" | "limits"> & {
    readonly row: Pick<InvocationRow, "depth">;
  },
  { countsRunning }: Pick<Ownership, "countsRunning">,
): RunningLimit | undefined {
  // A nested invocation may run on the slot of its caller, so it must not wait for its caller.
  if (!countsRunning || fn.maxConcurrency === null || row.depth > 0) return undefined;
  return {
    lock: locks.ofRunning(fn.id),
    isReached: async (tx) => await tx.invocations.countRunning(fn.id) >= limits.maxConcurrency,
  };
}

/** An attempt that is about to run: what its record does not say. */
type StartedAttempt = Pick<HandlerContext, "attempt" | "trace">;

/** The job of an attempt that is about to run. @param secrets of its function */
export function jobOf(
  attempt: Attempt,
  started: StartedAttempt,
  secrets: Readonly<Record<string, string>>,
): Job {
  const { row, fn, commit, live } = attempt;
  const { maxConcurrency: _ofFunction, ...limits } = attempt.limits;
  const job = {
    scriptDigest: commit.scriptDigest,
    scriptKey: commit.scriptDigest,
    functionKey: row.functionId,
    sourceMapDigest: commit.sourceMapDigest,
    ...row.processReuse === "PROCESS_REUSE_SEQUENTIAL" ? { reuseKey: reuseKeyOf(attempt) } : {},
    ...evaluationOf(fn),
    outboundAllowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
    config: configOf(attempt, secrets),
    context: handlerContextOf(attempt, started),
  };
  if (live?.httpRequest === undefined) {
    return { ...job, inputJson: row.input, limits };
  }
  return {
    ...job,
    context: { ...job.context, ...peerOf(live) },
    handler: "fetch",
    inputJson: live.httpRequest.takeInput(),
    // Its bodies may take longer than an invocation.
    limits: { ...limits, timeoutMs: live.httpRequest.longestMs(limits.timeoutMs) },
  };
}

/**
 * The key of the invocations that may share a reused process with this one: invocations by the same caller on the same
 * volume, as long as the function does not change.
 */
function reuseKeyOf(
  { row: { functionId, commitId, principalId, volumeId }, fn: { updatedAt } }: Attempt,
): string {
  return JSON.stringify([functionId, commitId, principalId, volumeId, updatedAt]);
}

/**
 * The configuration of an invocation. Its variables are those in force when the server accepted the invocation; only the
 * rows of asynchronous invocations store variables.
 */
function configOf(
  { row: { mode, variables: stored }, fn }: Attempt,
  secrets: Readonly<Record<string, string>>,
): InvocationConfig {
  const variables = mode === "sync" ? fn.variables : stored ?? NO_VARIABLES;
  return {
    secrets,
    ...variables === NO_VARIABLES
      ? {}
      : { variables: JSON.parse(variables) as Record<string, string> },
    ...fn.traceFetch === 0 ? {} : { traceFetch: true },
  };
}

/** What the handler learns of its invocation. */
function handlerContextOf(
  { row, limits, live }: Attempt,
  { attempt, trace }: StartedAttempt,
): HandlerContext {
  const { triggerKind: kind, triggerId } = row;
  const remoteAddress = live?.remoteAddress;
  return {
    invocationId: row.id,
    functionId: row.functionId,
    commitId: row.commitId,
    attempt,
    trigger: { kind, ...triggerId === null ? {} : { id: triggerId } },
    ...remoteAddress === undefined ? {} : { remoteAddress },
    deadline: new Date(Date.now() + limits.timeoutMs).toISOString(),
    trace,
  };
}

/** The client in the form of the information of `Deno.serve`. */
function peerOf({ remoteAddress }: LiveInvocation): Pick<HandlerContext, "remoteAddr"> {
  if (remoteAddress === undefined) return {};
  return { remoteAddr: { transport: "tcp", hostname: remoteAddress, port: 0 } };
}

/** The next attempt of an invocation. */
export interface NextAttempt {
  /** How long it waits; undefined if it may begin at once. */
  readonly delayMs: number | undefined;
}

/**
 * The policy of an asynchronous invocation: that of its function, else that of its trigger, else `maxAttempts` for
 * invocations whose server ends. An invocation whose caller waits starts once.
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
 * @param attempt its number; 0 if the invocation did not start
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
 * Leaves an invocation for its next attempt, in the open transaction; undefined if it has ended, or belongs to another
 * node.
 * @param fn its function: under a rate limit each attempt needs a permit
 * @param owner of an invocation that may begin at once; null if any node may claim it
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
 * Leaves the end of an asynchronous invocation for its destination. Parks a failed invocation as a dead letter if it
 * could start again or has a trigger. Nothing follows a cancelled invocation.
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
