/** How a request ends that its function did not answer, or not in time. */
import { countOf, formatDuration } from "../../config/mod.ts";
import type { Outcome } from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";
import type { Substitute } from "./client.ts";

const RETRY_AFTER_SECONDS = 1;

/** The reason of a signal that ends a run: the outcome that is recorded, if the run has none of its own. */
export class RunEnd {
  constructor(readonly outcome: Outcome) {}
}

/** The end of a request that no code of the function answered. */
export const NOT_RUN: Outcome = {
  kind: "error",
  code: "INTERRUPTED",
  message: "the server could not run it",
};

/** The client left. */
export const CLIENT_LEFT: Outcome = {
  kind: "error",
  code: "CANCELLED",
  message: "the client left before it had the response",
};

/** @param setting what sets the limit */
export function ranTooLong(timeoutMs: number, setting: string): Outcome {
  const limit = formatDuration(timeoutMs);
  const message = `the invocation ran longer than its limit of ${limit} (${setting})`;
  return { kind: "error", code: "TIMEOUT", message };
}

export function streamedTooLong(timeoutMs: number): Outcome {
  const limit = formatDuration(timeoutMs);
  const message = `its body took longer than the limit of ${limit} (--stream-timeout)`;
  return { kind: "error", code: "TIMEOUT", message };
}

export function respondedTooLate(timeoutMs: number): DomainError {
  const limit = formatDuration(timeoutMs);
  const message = `The function sent no response within the limit of ${limit} (--endpoint-timeout)`;
  return new DomainError("ENDPOINT_TIMEOUT", message);
}

export function tooManyStreams(max: number): DomainError {
  const message = `Too many long bodies: ${
    countOf(max, "invocation")
  } with one run, the limit (--max-streams)`;
  return new DomainError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** What the client gets for a run that ended without a response. */
export function substituteOf(outcome: Outcome): Substitute {
  if (outcome.kind === "success") return { kind: "failed", status: 500 };
  switch (outcome.code) {
    case "NO_HANDLER":
      return {
        kind: "error",
        error: new DomainError(
          "ENDPOINT_NOT_FOUND",
          `Request failed: ${outcome.message}`,
        ),
      };
    case "TIMEOUT":
      return { kind: "failed", status: 504 };
    case "INTERRUPTED":
      return { kind: "failed", status: 503 };
    default:
      return { kind: "failed", status: 500 };
  }
}
