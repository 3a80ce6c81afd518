import { formatBytes, formatDuration } from "../../config/mod.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type CallingInvocation,
  type Engine,
  type QueueTimedOut,
  type RejectionReason,
  type Slot,
} from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";

/** When a caller whom the full queue turned away may try again. */
const QUEUE_FULL_RETRY_AFTER_SECONDS = 1;

/** No estimate of a wait is good for longer than that. */
const RETRY_AFTER_MAX_SECONDS = 60;

/**
 * Takes a place for a call.
 * @param caller the invocation that makes it and waits for it; undefined for a call from outside
 * @throws QUEUE_FULL, OVERLOADED, SERVER_STOPPING, INVOKE_TOO_DEEP, INVOKE_TOO_MANY
 */
export function admit(
  engine: Engine,
  call: AdmissionRequest,
  caller: CallingInvocation | undefined,
): Slot {
  try {
    return caller === undefined ? engine.admit(call) : engine.admitNested(call, caller);
  } catch (error) {
    throw error instanceof AdmissionRejected ? refused(call, error.refusal) : error;
  }
}

function refused(call: AdmissionRequest, refusal: RejectionReason): DomainError {
  const retryAfterSeconds = QUEUE_FULL_RETRY_AFTER_SECONDS;
  switch (refusal.kind) {
    case "draining":
      return new DomainError("SERVER_STOPPING", "The server is stopping and takes no more calls", {
        retryAfterSeconds,
      });
    case "queue-full":
      return new DomainError("QUEUE_FULL", queueFull(call, refusal), { retryAfterSeconds });
    case "wait-too-long":
      return overloaded(call, refusal);
    case "too-deep":
      return new DomainError(
        "INVOKE_TOO_DEEP",
        `Cannot run function ${call.functionId}: the call would stand ${refusal.maxDepth + 1} ` +
          `calls below the one from outside, the limit is ${refusal.maxDepth} (--max-invoke-depth)`,
      );
    case "too-many-nested":
      return new DomainError(
        "INVOKE_TOO_MANY",
        `Cannot run function ${call.functionId}: this invocation has made as many calls as the ` +
          `limit of ${refusal.maxNested} allows (--max-invoke-fan-out)`,
      );
  }
}

function queueFull(
  call: AdmissionRequest,
  refusal: RejectionReason & { kind: "queue-full" },
): string {
  const waiting = refusal.queueLimit === "calls"
    ? `${refusal.maxQueued} wait (--max-queued)`
    : `${refusal.queued} wait with ${formatBytes(refusal.queuedBytes)} of input, which ` +
      `${formatBytes(call.inputBytes)} more would take over the limit of ` +
      `${formatBytes(refusal.maxQueuedBytes)} (--max-queued-bytes)`;
  return `The server is at its limit: ${running(call, refusal)} and ${waiting}`;
}

/** By the time the caller is asked to try again, the queue would be short enough if nobody else came. */
function overloaded(
  call: AdmissionRequest,
  refusal: RejectionReason & { kind: "wait-too-long" },
): DomainError {
  const { expectedMs, maxWaitMs, perSecond } = refusal;
  const seconds = Math.ceil((expectedMs - maxWaitMs) / 1000);
  const retryAfterSeconds = Math.min(seconds, RETRY_AFTER_MAX_SECONDS);
  const expected = formatDuration(Math.ceil(expectedMs));
  return new DomainError(
    "OVERLOADED",
    `The server is at its limit: ${running(call, refusal)}, and ${perSecond.toFixed(1)} a second ` +
      `end. This one would have its turn in about ${expected}, the limit is ` +
      `${formatDuration(maxWaitMs)} (--max-wait). Try again in ` +
      `${formatDuration(1000 * retryAfterSeconds)}, or call it asynchronously ` +
      "(Prefer: respond-async): such calls wait",
    { retryAfterSeconds },
  );
}

function running(
  { functionId }: AdmissionRequest,
  { runningLimit, maxRunning }: RejectionReason & { kind: "queue-full" | "wait-too-long" },
): string {
  return runningLimit === "server"
    ? `${maxRunning} calls run (--max-running)`
    : `${maxRunning} calls of function ${functionId} run (--max-running-per-function)`;
}

/** What a caller is told whose turn did not come in time. @param what such as `Invocation ID` */
export function queueTimeout(what: string, { timeoutMs }: QueueTimedOut): DomainError {
  return new DomainError(
    "QUEUE_TIMEOUT",
    `${what} waited longer for its turn than the limit of ${formatDuration(timeoutMs)} ` +
      "(--queue-timeout); nothing of it ran",
    { retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS },
  );
}
