import { formatBytes, formatDuration } from "../config/mod.ts";
import {
  type Call,
  type Engine,
  NotAdmitted,
  type Place,
  type QueueTimedOut,
  type Refusal,
} from "../engine/contract.ts";
import { DomainError } from "./errors.ts";

/** When a caller whom the full queue turned away may try again. */
const QUEUE_FULL_RETRY_AFTER_SECONDS = 1;

/** Takes a place for a call. @throws QUEUE_FULL, SERVER_STOPPING */
export function admit(engine: Engine, call: Call): Place {
  try {
    return engine.admit(call);
  } catch (error) {
    if (!(error instanceof NotAdmitted)) throw error;
    const { refusal } = error;
    if (refusal.kind === "draining") {
      throw new DomainError("SERVER_STOPPING", "The server is stopping and takes no more calls", {
        retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
      });
    }
    throw new DomainError("QUEUE_FULL", queueFull(call, refusal), {
      retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
    });
  }
}

function queueFull(call: Call, refusal: Refusal & { kind: "queue-full" }): string {
  const running = refusal.runningLimit === "server"
    ? "run (--max-running)"
    : `of function ${call.functionId} run (--max-running-per-function)`;
  const waiting = refusal.queueLimit === "calls"
    ? `${refusal.maxQueued} wait (--max-queued)`
    : `${refusal.queued} wait with ${formatBytes(refusal.queuedBytes)} of input, which ` +
      `${formatBytes(call.inputBytes)} more would take over the limit of ` +
      `${formatBytes(refusal.maxQueuedBytes)} (--max-queued-bytes)`;
  return `The server is at its limit: ${refusal.maxRunning} calls ${running} and ${waiting}`;
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
