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
import { DomainError } from "../errors.ts";

/** When a caller may try again that the full queue rejected. */
const QUEUE_FULL_RETRY_AFTER_SECONDS = 1;

/** An estimate of a wait holds for no longer than this. */
const RETRY_AFTER_MAX_SECONDS = 60;

/**
 * Requests a slot for a call.
 * @param caller the invocation that makes the call and waits for it; undefined for a call from outside
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

/** The error of a call that was not admitted; another error as it is. */
export function rejected(request: AdmissionRequest, error: unknown): unknown {
  return error instanceof AdmissionRejected ? errorOf(request, error.reason) : error;
}

/** Asserts that a call may be accepted that runs elsewhere. @throws SERVER_STOPPING */
export function assertOpen({ isOpen }: Engine, functionId: string): void {
  if (!isOpen) throw serverStopping(`Function ${functionId} was not invoked`);
}

function errorOf(request: AdmissionRequest, reason: RejectionReason): DomainError {
  const what = `Function ${request.functionId} was not invoked`;
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
  const waiting = queueLimit === "calls"
    ? `the queue is full with ${countOf(maxQueued, "invocation")} (--max-queued)`
    : `the queue has ${countOf(queued, "invocation")} with ${formatBytes(queuedBytes)} of input; ` +
      `${formatBytes(inputBytes)} more would exceed the limit of ` +
      `${formatBytes(maxQueuedBytes)} (--max-queued-bytes)`;
  return `${running(reason)}, and ${waiting}`;
}

/** `Retry-After` is when the queue would be short enough if no other call came. */
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

/** The error of a synchronous call whose slot would be granted too late. @param what such as `Invocation ID` */
export function overdue(what: string, overloaded: Overloaded): DomainError {
  return new DomainError("QUEUE_TIMEOUT", `${what} did not start: ${waitsTooLong(overloaded)}`, {
    retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
  });
}

/** Why the wait of a call for its slot was ended. */
export function waitsTooLong({ overdue: { waitedMs, expectedMs, maxWaitMs } }: Overloaded): string {
  const [waited, expected] = [waitedMs, expectedMs].map((ms) => formatDuration(Math.ceil(ms)));
  return `queued for ${waited}, with an expected wait of ${expected} more, because invocations end more slowly ` +
    `than expected; the limit of the whole wait is twice ${
      formatDuration(maxWaitMs)
    } (--max-wait). ` +
    "None of its code ran";
}

/** The error of a synchronous call whose slot was not granted in time. @param what such as `Invocation ID` */
export function queueTimeout(what: string, timeoutMs: number): DomainError {
  return new DomainError(
    "QUEUE_TIMEOUT",
    `${what} did not start: queued for longer than the limit of ` +
      `${formatDuration(timeoutMs)} (--queue-timeout); none of its code ran`,
    { retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS },
  );
}

/** The error of a synchronous call of a commit without a handler for it. */
export function noJsonHandler(functionId: string, why: string): DomainError {
  return new DomainError("NO_JSON_HANDLER", `Function ${functionId} was not invoked: ${why}`);
}
