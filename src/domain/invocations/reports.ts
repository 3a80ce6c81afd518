/** What telemetry learns of the end of an attempt, once the end is durable. */
import type { Outcome } from "../../engine/contract.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Reason } from "../errors.ts";
import type { Attempt } from "./attempt.ts";
import { type MeasuredAttempt, reportOf, untilDurable } from "./measures.ts";

/** An end, as it was recorded. */
export interface Ended {
  readonly outcome: Outcome;
  readonly measured: MeasuredAttempt;
  /** When it was measured, on the clock of `performance`. */
  readonly atMs: number;
}

/** The end of an invocation none of whose code ran in its last attempt. */
export interface Unstarted {
  /** The reason that its caller gets, if a limit kept it from starting. */
  readonly rejection: Reason | undefined;
}

/** Reports an end that is durable by now, once: as a rejection, as an end without an attempt, or as an attempt. */
export function reportEnd(
  telemetry: Telemetry,
  attempt: Pick<Attempt, "row" | "fn">,
  { outcome, measured, atMs }: Ended,
  isRepeated: boolean,
  unstarted: Unstarted | undefined,
): void {
  const { fn, row: { triggerKind } } = attempt;
  if (unstarted?.rejection !== undefined) {
    return telemetry.invocationRejected(fn, unstarted.rejection);
  }
  if (unstarted !== undefined && outcome.kind === "error") {
    return telemetry.endedUnattempted({ function: fn, triggerKind, errorCode: outcome.code });
  }
  const durable = untilDurable(measured, performance.now() - atMs);
  telemetry.attemptEnded(reportOf(attempt, outcome, durable, isRepeated));
}
