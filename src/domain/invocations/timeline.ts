/** When the parts of an attempt began, and what they took, by the clock of the node that owns it. */
import type { Measurements, Outcome } from "../../engine/contract.ts";
import type { MeasureColumns } from "../../store/invocations.ts";

const MICROS_PER_MS = 1000;

/** The phases of an attempt in their order. */
export const PHASES = ["admission", "queue", "instance", "evaluate", "run", "record"] as const;
type PhaseName = typeof PHASES[number];

/** What is recorded of an attempt, as JSON. Times in microseconds. */
export interface Recorded {
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

/**
 * Transitions: began, granted (it has its slot, and its start is recorded), ended (its outcome is known). An attempt may
 * end before it is granted.
 */
export class Timeline {
  readonly #beganMs = performance.now();
  readonly #receivedMs: number | undefined;
  #grantedMs: number | undefined;
  #endedMs: number | undefined;

  /** @param receivedMs when the request came, of a call that starts at once */
  constructor(receivedMs: number | undefined) {
    this.#receivedMs = receivedMs;
  }

  granted(): void {
    this.#grantedMs ??= performance.now();
  }

  ended(): void {
    this.#endedMs ??= performance.now();
  }

  /** What to record of the attempt with its outcome, now. */
  columns({ measured }: Outcome, volumeBytes: number | undefined): MeasureColumns {
    const nowMs = performance.now();
    const firstMs = this.#receivedMs ?? this.#beganMs;
    const endedMs = this.#endedMs ?? nowMs;
    const grantedMs = this.#grantedMs ?? endedMs;
    const ran = this.#grantedMs === undefined
      ? [null, null, null]
      : runPhases(endedMs - grantedMs, measured);
    const recorded: Recorded = {
      at: Date.now() - (nowMs - firstMs),
      phases: [
        this.#receivedMs === undefined ? null : this.#beganMs - this.#receivedMs,
        grantedMs - this.#beganMs,
        ...ran,
        nowMs - endedMs,
      ].map((ms) => ms === null ? null : micros(ms)),
      ...measured === undefined ? {} : usageOf(measured),
      ...volumeBytes === undefined ? {} : { volumeBytes },
    };
    return {
      durationMicros: micros(nowMs - firstMs),
      cpuMicros: measured?.cpuMs === undefined ? null : micros(measured.cpuMs),
      measured: JSON.stringify(recorded),
    };
  }
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
): Partial<Recorded> {
  return {
    inside: [micros(hostCallsMs), micros(egressMs)],
    ...peakBytes === undefined ? {} : { peakBytes },
    ...egressBytes === 0 ? {} : { egressBytes },
    ...egress.length === 0 ? {} : {
      egress: egress.map(({ host, verdict, count, bytes }) => [host, verdict, count, bytes]),
    },
  };
}
