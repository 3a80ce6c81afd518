/** What is recorded of the phases of an attempt, by the clock of the node that owns it. */
import type { Measurements, Outcome } from "../../engine/contract.ts";
import type { MeasureColumns } from "../../store/invocations.ts";
import { wallTimeOf } from "../../shared/time.ts";
import { PHASES } from "../../telemetry/contract.ts";

export { PHASES };

const MICROS_PER_MS = 1000;

/** What is recorded of an attempt, as JSON. Times in microseconds. */
export interface AttemptMeasures {
  /** When the first phase began, in milliseconds since 1970. */
  readonly at: number;
  /** The phases as in {@link PHASES}; null for those that it did not have. Each begins at the end of the one before. */
  readonly phases: readonly (number | null)[];
  /** Inside of `run`: host calls, egress. Absent if it got no process. */
  readonly inside?: readonly [hostCalls: number, egress: number];
  readonly peakBytes?: number;
  readonly egressBytes?: number;
  /** Bytes of files that it read and wrote on its volume; absent without one. */
  readonly volumeBytes?: number;
  /** Host, verdict, count, bytes. */
  readonly egress?: readonly (readonly [string, string, number, number])[];
}

/** When an attempt passed from one phase to the next, on the clock of `performance`. It may end before it is granted. */
export interface AttemptTimes {
  /** When the request came, of an invocation that starts at once. */
  readonly receivedMs: number | undefined;
  readonly beganMs: number;
  /** When it had its slot, and its start was recorded. */
  grantedMs?: number;
  /** When its outcome was known. */
  endedMs?: number;
}

/** An attempt up to now. */
export interface MeasuredAttempt {
  readonly durationMicros: number;
  /** Undefined if it was not measured. */
  readonly cpuMicros: number | undefined;
  readonly measures: AttemptMeasures;
}

/** The columns of what was measured. */
export function columnsOf(
  { durationMicros, cpuMicros, measures }: MeasuredAttempt,
): MeasureColumns {
  return { durationMicros, cpuMicros: cpuMicros ?? null, measured: JSON.stringify(measures) };
}

/** Measures an attempt up to now. @param volumeBytes undefined without a volume */
export function measure(
  { receivedMs, beganMs, grantedMs, endedMs: knownMs }: AttemptTimes,
  { measured }: Outcome,
  volumeBytes: number | undefined,
): MeasuredAttempt {
  const nowMs = performance.now();
  const firstMs = receivedMs ?? beganMs;
  const endedMs = Math.max(grantedMs ?? beganMs, (knownMs ?? nowMs) - (measured?.afterMs ?? 0));
  const ran = grantedMs === undefined
    ? [null, null, null]
    : runPhases(endedMs - grantedMs, measured);
  const phases = [
    receivedMs === undefined ? null : beganMs - receivedMs,
    (grantedMs ?? endedMs) - beganMs,
    ...ran,
    nowMs - endedMs,
  ];
  const measures: AttemptMeasures = {
    at: wallTimeOf(firstMs),
    phases: phases.map((ms) => ms === null ? null : micros(ms)),
    ...measured === undefined ? {} : usageOf(measured),
    ...volumeBytes === undefined ? {} : { volumeBytes },
  };
  return {
    durationMicros: micros(nowMs - firstMs),
    cpuMicros: measured?.cpuMs === undefined ? undefined : micros(measured.cpuMs),
    measures,
  };
}

/** The same attempt once the write that recorded it was durable: the last phase lasted until then. */
export function untilDurable(attempt: MeasuredAttempt, writeMs: number): MeasuredAttempt {
  const { durationMicros, measures } = attempt;
  const writeMicros = micros(writeMs);
  const phases = measures.phases.with(-1, (measures.phases.at(-1) ?? 0) + writeMicros);
  return {
    ...attempt,
    durationMicros: durationMicros + writeMicros,
    measures: { ...measures, phases },
  };
}

function micros(ms: number): number {
  return Math.max(0, Math.round(ms * MICROS_PER_MS));
}

/**
 * Splits the time from the grant to the outcome. The process reports its own part, a worker by another clock: it is cut to
 * that time, and the rest is the wait for the process, and the way to a worker and back.
 */
function runPhases(
  totalMs: number,
  measured: Measurements | undefined,
): readonly (number | null)[] {
  if (measured === undefined) return [totalMs, null, null];
  const processMs = Math.min(measured.processMs, totalMs);
  const evaluateMs = Math.min(measured.evaluateMs ?? 0, processMs);
  return [
    totalMs - processMs,
    measured.evaluateMs === undefined ? null : evaluateMs,
    processMs - evaluateMs,
  ];
}

function usageOf(
  { hostCallsMs, egressMs, peakBytes, egressBytes, egress }: Measurements,
): Partial<AttemptMeasures> {
  return {
    inside: [micros(hostCallsMs), micros(egressMs)],
    ...peakBytes === undefined ? {} : { peakBytes },
    ...egressBytes === 0 ? {} : { egressBytes },
    ...egress.length === 0 ? {} : {
      egress: egress.map(({ host, verdict, count, bytes }) => [host, verdict, count, bytes]),
    },
  };
}
