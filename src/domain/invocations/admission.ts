/** What an invocation must pass before it starts: the limits of the server, and the flow control of its function. */
import { createHash } from "node:crypto";
import { countOf, formatBytes, formatCount, formatDuration } from "../../config/mod.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type Engine,
  type InvocationContext,
  type Overloaded,
  type RejectionReason,
  type Slot,
} from "../../engine/contract.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { DomainError, type Reason } from "../errors.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { DelayedInvocationRow } from "../../store/delayed_invocations.ts";
import type { Writers } from "../../store/mod.ts";
import type { FlowLimits } from "../functions/flow_settings.ts";
import { delayInLine, findPermit, findPermitBehindLine, rateLimited } from "./rate_limit.ts";

/** When a caller may try again after the full queue rejected its invocation. */
const QUEUE_FULL_RETRY_AFTER_SECONDS = 1;

/** An estimate of a wait holds for no longer than this. */
const RETRY_AFTER_MAX_SECONDS = 60;

/**
 * Requests a slot for an invocation.
 * @param caller the invocation that makes this one and waits for it; undefined for an invocation from outside
 * @throws QUEUE_FULL, OVERLOADED, SERVER_STOPPING, INVOKE_TOO_DEEP, INVOKE_TOO_MANY
 */
export function admit(
  engine: Engine,
  request: AdmissionRequest,
  caller: InvocationContext | undefined,
): Slot {
  try {
    return caller === undefined ? engine.admit(request) : engine.admitNested(request, caller);
  } catch (error) {
    throw rejected(request, error);
  }
}

/** The error of an invocation that was not admitted; any other error unchanged. */
export function rejected(request: AdmissionRequest, error: unknown): unknown {
  const what = `Function ${request.functionId} was not invoked`;
  return error instanceof AdmissionRejected ? errorOf(what, request, error.reason) : error;
}

/** Why such an invocation would not be admitted, in one sentence without a period. */
export function rejectionOf(request: AdmissionRequest, reason: RejectionReason): string {
  return errorOf("it would be rejected", request, reason).message;
}

/** Errors that do not ask their caller to try again later, and still say that a limit kept an invocation from running. */
const LIMIT_REASONS: readonly Reason[] = [
  "CIRCUIT_BREAKER_PAUSED",
  "INVOKE_TOO_DEEP",
  "INVOKE_TOO_MANY",
];

/** Reports if a limit, or the state of the server, keeps an invocation from running. Settles as the start does. */
export async function reportingRejection<T>(
  telemetry: Telemetry,
  fn: FunctionRow,
  started: Promise<T>,
): Promise<T> {
  try {
    return await started;
  } catch (error) {
    if (error instanceof DomainError) {
      const { code, reason } = error;
      const isRejection = code === "RESOURCE_EXHAUSTED" || code === "UNAVAILABLE" ||
        LIMIT_REASONS.includes(reason);
      if (isRejection) telemetry.invocationRejected(fn, reason);
    }
    throw error;
  }
}

/** Asserts that an invocation that runs elsewhere may be accepted. @throws SERVER_STOPPING */
export function assertAdmitting({ isAdmitting }: Engine, functionId: string): void {
  if (!isAdmitting) throw serverStopping(`Function ${functionId} was not invoked`);
}

function errorOf(
  what: string,
  request: AdmissionRequest,
  reason: RejectionReason,
): DomainError {
  const retryAfterSeconds = QUEUE_FULL_RETRY_AFTER_SECONDS;
  switch (reason.kind) {
    case "draining":
      return serverStopping(what);
    case "queue-full":
      return new DomainError("QUEUE_FULL", `${what}: ${queueFull(request, reason)}`, {
        retryAfterSeconds,
      });
    case "wait-too-long":
      return overloaded(what, reason);
    case "too-deep":
      return new DomainError(
        "INVOKE_TOO_DEEP",
        `${what}: a depth of ${
          formatCount(reason.maxDepth + 1)
        } nested invocations exceeds the limit ` +
          `of ${formatCount(reason.maxDepth)} (--max-invoke-depth)`,
      );
    case "too-many-nested":
      return new DomainError(
        "INVOKE_TOO_MANY",
        `${what}: this invocation has started ${countOf(reason.maxNested, "invocation")}, ` +
          "the limit of one invocation (--max-invoke-fan-out)",
      );
  }
}

function serverStopping(what: string): DomainError {
  return new DomainError("SERVER_STOPPING", `${what}: the server is stopping`, {
    retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
  });
}

function queueFull(
  { inputBytes }: AdmissionRequest,
  reason: RejectionReason & { kind: "queue-full" },
): string {
  const { queueLimit, queued, queuedBytes, maxQueued, maxQueuedBytes } = reason;
  const waiting = queueLimit === "invocations"
    ? `the queue is full with ${countOf(maxQueued, "invocation")} (--max-queued)`
    : `the queue has ${countOf(queued, "invocation")} with ${formatBytes(queuedBytes)} of input; ` +
      `${formatBytes(inputBytes)} more would exceed the limit of ` +
      `${formatBytes(maxQueuedBytes)} (--max-queued-bytes)`;
  return `${running(reason)}, and ${waiting}`;
}

/** `Retry-After` is when the queue would be short enough if no other invocation came. */
function overloaded(
  what: string,
  reason: RejectionReason & { kind: "wait-too-long" },
): DomainError {
  const { expectedMs, maxWaitMs, perSecond } = reason;
  const seconds = Math.ceil((expectedMs - maxWaitMs) / 1000);
  const retryAfterSeconds = Math.min(seconds, RETRY_AFTER_MAX_SECONDS);
  return new DomainError(
    "OVERLOADED",
    `${what}: ${running(reason)}, and ${perSecond.toFixed(1)} invocations end per second. ` +
      `The expected wait of ${formatDuration(Math.ceil(expectedMs))} exceeds the limit of ` +
      `${formatDuration(maxWaitMs)} (--max-wait). Try again in ` +
      `${formatDuration(1000 * retryAfterSeconds)}, or invoke it asynchronously ` +
      "(Prefer: respond-async)",
    { retryAfterSeconds },
  );
}

function running(
  { runningLimit, maxRunning }: RejectionReason & { kind: "queue-full" | "wait-too-long" },
): string {
  const limit = `the limit of ${countOf(maxRunning, "invocation")} at a time`;
  switch (runningLimit) {
    case "outage":
      return "the server cannot start processes for functions (/readyz has the reason)";
    case "workers":
      return `all ${countOf(maxRunning, "slot")} of workers and API nodes are taken (--capacity)`;
    case "server":
      return `${limit} is reached (--max-running)`;
    case "function":
      return `${limit} for one function is reached (--max-running-per-function)`;
    case "own":
      return `${limit} is reached (maxConcurrency of the function)`;
    case "async":
      return `${limit} is reached for asynchronous invocations (--async-slots)`;
  }
}

/** The error of a synchronous invocation whose slot would be granted too late. @param what such as `Invocation ID` */
export function overdue(what: string, overloaded: Overloaded): DomainError {
  return new DomainError("QUEUE_TIMEOUT", `${what} did not start: ${waitsTooLong(overloaded)}`, {
    retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
  });
}

/** Why an invocation no longer waits for its slot. */
export function waitsTooLong({ overdue: { waitedMs, expectedMs, maxWaitMs } }: Overloaded): string {
  const [waited, expected] = [waitedMs, expectedMs].map((ms) => formatDuration(Math.ceil(ms)));
  return `queued for ${waited}, with an expected wait of ${expected} more, because invocations end more slowly ` +
    `than expected; the limit of the whole wait is twice ${
      formatDuration(maxWaitMs)
    } (--max-wait). ` +
    "None of its code ran";
}

/** The error of a synchronous invocation whose slot was not granted in time. @param what such as `Invocation ID` */
export function queueTimeout(what: string, timeoutMs: number): DomainError {
  return new DomainError(
    "QUEUE_TIMEOUT",
    `${what} did not start: queued for longer than the limit of ` +
      `${formatDuration(timeoutMs)} (--queue-timeout); none of its code ran`,
    { retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS },
  );
}

/** The error of a synchronous invocation whose commit has no handler for it. */
export function noJsonHandler(functionId: string, why: string): DomainError {
  return new DomainError("NO_JSON_HANDLER", `Function ${functionId} was not invoked: ${why}`);
}

/** The time of an invocation that waits for a decision. */
const NEVER = "9999-12-31T00:00:00.000Z";
/** How often an invocation checks the other invocations with its key, if nothing wakes it. */
const KEY_POLL_MS = 30_000;
/** Longest key that is kept as it is; of a longer one the hash is. */
const KEY_CHARS_MAX = 128;
const MINUTE_CHARS = "2026-01-31T12:00".length;
const HOUR_CHARS = "2026-01-31T12".length;
const HOUR_MS = 60 * 60 * 1000;

/** Thrown for an invocation that waits for other invocations with its key. */
export class KeyIsBusy extends DomainError {
  constructor(fn: FunctionRow, { max }: { readonly max: number }) {
    super(
      "CONCURRENCY_KEY_BUSY",
      `Function ${fn.id} was not invoked: the limit of ${
        countOf(max, "invocation")
      } with this key at a time ` +
        "is reached (maxConcurrencyPerKey), and none ended within --queue-timeout",
      { retryAfterSeconds: 1 },
    );
  }
}

/** What delays an invocation further. */
type Delay = Pick<DelayedInvocationRow, "dueAt" | "reason" | "key"> & Partial<DelayedInvocationRow>;

/** The key of an input: JSON of the value at a JSON Pointer (RFC 6901). Null if the input has none. */
export function inputKey(inputJson: string, pointer: string): string | null {
  let value: unknown = JSON.parse(inputJson);
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  const key = JSON.stringify(value);
  if (key.length <= KEY_CHARS_MAX) return key;
  return `sha256:${createHash("sha256").update(key).digest("base64url")}`;
}

/**
 * Lets an invocation whose caller waits start, now or once it has its slot, in the transaction of its row; or returns
 * why it may not start. Returns the time of the start if the start counts against a rate limit and happens now. An
 * invocation that trips the circuit breaker pauses its function: so the rejection is returned, because a thrown error
 * would undo the pause.
 */
export async function admitNow(
  tx: Writers,
  fn: FunctionRow,
  limits: FlowLimits,
  { id: invocationId, concurrencyKey }: InvocationRow,
  startsNow: boolean,
): Promise<DomainError | { readonly startedAt: string } | undefined> {
  const { perKey, rate } = limits;
  if (perKey !== undefined && concurrencyKey !== null) {
    const active = await tx.flow.countActive(fn.id, concurrencyKey);
    if (active >= perKey.max) return new KeyIsBusy(fn, perKey);
  }
  const permit = rate && await findPermitBehindLine(tx, fn.id, rate);
  if (rate && permit?.kind === "full") {
    return rateLimited(fn.id, { ...rate, waitMs: permit.waitMs });
  }
  if (await isPaused(tx, fn, limits)) return paused(fn);
  if (permit?.kind !== "free") return undefined;
  const startedAt = startsNow ? permit.now : undefined;
  await tx.flow.holdPermit({ functionId: fn.id, invocationId, attempt: 1 }, startedAt);
  return startedAt === undefined ? undefined : { startedAt };
}

/** The first delay of an invocation without a waiting caller. Replaces an earlier invocation with the same debounce key. */
export async function firstDelay(
  tx: Writers,
  fn: FunctionRow,
  { debounce }: FlowLimits,
  row: InvocationRow,
): Promise<{ readonly delay: DelayedInvocationRow; readonly replacedId: string | undefined }> {
  const now = new Date();
  const base = { invocationId: row.id, functionId: fn.id };
  const key = debounce === undefined ? null : inputKey(row.input, debounce.pointer);
  if (debounce === undefined || (key === null && debounce.pointer !== "")) {
    const dueAt = now.toISOString();
    return {
      delay: { ...base, dueAt, reason: "flow", key: null, since: null },
      replacedId: undefined,
    };
  }
  const ofAll = debounce.pointer === "" ? "*" : key;
  const earlier = await tx.delays.debounced(fn.id, ofAll ?? "");
  const since = earlier?.since ?? now.toISOString();
  if (earlier !== undefined) {
    const message = "a later invocation with the same debounce key replaced it";
    await tx.delays.skip(earlier.invocationId, "DEBOUNCED", message, now.toISOString());
  }
  const latest = Date.parse(since) + debounce.maxDelayMs;
  const dueAt = new Date(Math.min(now.getTime() + debounce.delayMs, latest)).toISOString();
  return {
    delay: { ...base, dueAt, reason: "debounce", key: ofAll, since },
    replacedId: earlier?.invocationId,
  };
}

/**
 * What delays a due invocation further; undefined if it may start as soon as it has a slot. Runs in the transaction
 * that ends its delay. An invocation with the reason `rate-limit` is the first in its line.
 */
export async function furtherDelay(
  tx: Writers,
  fn: FunctionRow,
  limits: FlowLimits,
  delay: DelayedInvocationRow,
  row: Pick<InvocationRow, "attempt" | "concurrencyKey">,
): Promise<Delay | undefined> {
  const { perKey, rate } = limits;
  const { reason } = delay;
  const isCounted = row.attempt > 0 || reason === "rate-limit" || reason === "concurrency";
  if (!isCounted && reason !== "released" && await isPaused(tx, fn, limits)) {
    return { dueAt: NEVER, reason: "circuit-breaker", key: null };
  }
  const { concurrencyKey: key } = row;
  const isBusy = perKey !== undefined && key !== null &&
    await tx.flow.countActive(fn.id, key) >= perKey.max;
  if (isBusy) {
    const dueAt = new Date(Date.now() + KEY_POLL_MS).toISOString();
    return { dueAt, reason: "concurrency", key };
  }
  if (rate === undefined) return undefined;
  const permit = reason === "rate-limit"
    ? await findPermit(tx, fn.id, rate, 0)
    : await findPermitBehindLine(tx, fn.id, rate);
  return permit.kind === "full" ? delayInLine(delay, permit.waitMs) : undefined;
}

/** Counts a run, or pauses the function once it has had as many as it may within the period. */
async function isPaused(
  tx: Writers,
  fn: FunctionRow,
  { breaker }: FlowLimits,
): Promise<boolean> {
  if (breaker === undefined) return false;
  if (breaker.isPaused) return true;
  const now = new Date();
  const bucket = (time: Date) =>
    time.toISOString().slice(0, breaker.periodMs === HOUR_MS ? MINUTE_CHARS : HOUR_CHARS);
  const before = bucket(new Date(now.getTime() - breaker.periodMs));
  if (await tx.flow.runsAfter(fn.id, before) >= breaker.max) {
    await tx.functions.update(fn.id, { circuitBreakerPausedAt: now.toISOString() });
    return true;
  }
  await tx.flow.addRun(fn.id, bucket(now), before);
  return false;
}

function paused({ id, circuitBreakerMax }: FunctionRow): DomainError {
  return new DomainError(
    "CIRCUIT_BREAKER_PAUSED",
    `Circuit breaker of function ${id} is open: the function had its limit of ${
      countOf(circuitBreakerMax ?? 0, "run")
    } (circuitBreakerMax); run or cancel the paused invocations, or ask an administrator`,
  );
}
