import { formatDuration } from "../config/mod.ts";
import { type Engine, NotAdmitted, type Place, type QueueTimedOut } from "../engine/contract.ts";
import { DomainError } from "./errors.ts";

/** When a caller whom the full queue turned away may try again. */
const QUEUE_FULL_RETRY_AFTER_SECONDS = 1;

/** Takes a place for a call of a function. @throws QUEUE_FULL, SERVER_STOPPING */
export function admit(engine: Engine, functionId: string): Place {
  try {
    return engine.admit(functionId);
  } catch (error) {
    if (!(error instanceof NotAdmitted)) throw error;
    const { refusal } = error;
    if (refusal.kind === "draining") {
      throw new DomainError("SERVER_STOPPING", "The server is stopping and takes no more calls", {
        retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS,
      });
    }
    throw new DomainError(
      "QUEUE_FULL",
      `The server is at its limit: ${refusal.maxRunning} calls ` +
        (refusal.runningLimit === "server"
          ? "run (--max-running) "
          : `of function ${functionId} run (--max-running-per-function) `) +
        `and ${refusal.maxQueued} wait (--max-queued)`,
      { retryAfterSeconds: QUEUE_FULL_RETRY_AFTER_SECONDS },
    );
  }
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
