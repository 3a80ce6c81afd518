/** What the end of an attempt adds to the usage of its function, in the transaction that records the end. */
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import { dayOf } from "../../store/usage.ts";
import { type MeasuredAttempt, PHASES } from "./measures.ts";

const BYTES_PER_MIB = 1024 * 1024;
const MICROS_PER_MS = 1000;
/** The most that an attempt adds to a sum, 16 TiB or 203 days: the lies of a worker exceed no column. */
const AMOUNT_MAX = 2 ** 44;
const EVALUATE = PHASES.indexOf("evaluate");
const RUN = PHASES.indexOf("run");

/** The end of an attempt, or of an invocation that has none. */
interface UsageEnd {
  /** Whether some of its code may have run. */
  readonly isAttempt: boolean;
  /** How the invocation ended with it; undefined if another attempt follows. */
  readonly end?: "succeeded" | "failed" | undefined;
  /** Undefined for an attempt that nobody measured, such as an interrupted one. */
  readonly measured?: MeasuredAttempt | undefined;
  /** In bytes; only needed for a measured attempt. */
  readonly memoryLimit?: number;
}

/**
 * The principal that usage names: the caller. Triggers are no callers, so their invocations belong to the principal that
 * the function acts as, as calls of the function itself do.
 */
function principalOf(
  { principalId, triggerId, functionId }: UsageRow,
  fn: Pick<FunctionRow, "principalId"> | undefined,
): string {
  return principalId === triggerId ? fn?.principalId ?? functionId : principalId;
}

type UsageRow = Pick<InvocationRow, "functionId" | "principalId" | "triggerId">;

/**
 * Adds an end to the usage of its day.
 * @param fn its function; undefined if it is gone
 * @param now of the end, RFC 3339 in UTC
 */
export function addUsage(
  tx: Pick<Writers, "usage">,
  { row, fn }: {
    readonly row: UsageRow;
    readonly fn: Pick<FunctionRow, "principalId"> | undefined;
  },
  { isAttempt, end, measured, memoryLimit = 0 }: UsageEnd,
  now: string,
): void {
  const { phases, egressBytes, volumeBytes } = measured?.measures ?? { phases: [] };
  const wallMicros = (phases[EVALUATE] ?? 0) + (phases[RUN] ?? 0);
  tx.usage.add({
    day: dayOf(now),
    functionId: row.functionId,
    principalId: principalOf(row, fn),
    invocations: end === undefined ? 0 : 1,
    errors: end === "failed" ? 1 : 0,
    attempts: isAttempt ? 1 : 0,
    cpuMicros: amountOf(measured?.cpuMicros),
    wallMicros,
    memoryMibMillis: Math.round(memoryLimit / BYTES_PER_MIB * wallMicros / MICROS_PER_MS),
    egressBytes: amountOf(egressBytes),
    volumeBytes: amountOf(volumeBytes),
  });
}

/** An amount as sums have it, of what a process or a worker reports. */
function amountOf(reported = 0): number {
  return Math.min(Math.round(reported), AMOUNT_MAX);
}
