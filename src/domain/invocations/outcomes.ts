/** How calls end that the server ends, or does not run. */
import { getLogger } from "@logtape/logtape";
import { formatDuration } from "../../config/mod.ts";
import type { InvocationContext, NotStarted, Outcome } from "../../engine/contract.ts";
import { damageOf } from "../../store/damage.ts";
import { RunEnd } from "../endpoints/ends.ts";
import { DomainError } from "../errors.ts";
import { waitsTooLong } from "./admission.ts";

const logger = getLogger(["invoked", "domain"]);

/** The end of a call that could not run for a reason of the server. */
export function cannotRun({ invocationId }: InvocationContext, error: unknown): Outcome {
  if (error instanceof DomainError && error.reason === "VOLUME_NOT_FOUND") {
    return interrupted("it could not run: its volume was deleted before it started");
  }
  const damage = damageOf(error);
  if (damage !== undefined) {
    logger.error("Failed to run invocation {invocationId}: {message}", {
      invocationId,
      message: damage.message,
    });
    return interrupted(`it could not run: ${damage.message}`);
  }
  logger.error("Failed to run invocation {invocationId}", { invocationId, error });
  return interrupted("the server could not run it; its log has the reason");
}

/** The end of a call of which no code ran. */
export function notStartedOutcome(
  reason: Exclude<NotStarted, "left-for-next-start">,
  signal: AbortSignal | undefined,
  queueTimeoutMs: number,
): Outcome {
  if (typeof reason !== "string") {
    return cancelled(`the invocation was not run: ${waitsTooLong(reason)}`);
  }
  switch (reason) {
    case "queue-timeout":
      return cancelled(
        `the invocation was queued for longer than the limit of ${
          formatDuration(queueTimeoutMs)
        } (--queue-timeout); none of its code ran`,
      );
    case "cancelled":
      return cancelledWithCaller(
        cancelled("the invocation was cancelled before it started"),
        signal,
      );
    case "interrupted":
      return interrupted("the server stopped before it started");
  }
}

/** The outcome, and for a call that was cancelled by its signal, the reason of that. */
export function cancelledWithCaller(outcome: Outcome, signal: AbortSignal | undefined): Outcome {
  const isCancelled = outcome.kind === "error" && outcome.code === "CANCELLED";
  if (!isCancelled || signal?.aborted !== true) return outcome;
  const reason: unknown = signal.reason;
  return reason instanceof RunEnd
    ? { ...outcome, ...reason.outcome }
    : cancelled("the invocation that called it has ended");
}

/** The end of a call that was accepted before the rate limit of its function was set, or lowered. */
export function rateLimitedOutcome(): Outcome {
  return cancelled(
    "the rate limit of the function (rateLimit) was set or lowered while the invocation was queued, " +
      "and is reached; none of its code ran",
  );
}

function cancelled(message: string): Outcome {
  return { kind: "error", code: "CANCELLED", message };
}

function interrupted(message: string): Outcome {
  return { kind: "error", code: "INTERRUPTED", message };
}
