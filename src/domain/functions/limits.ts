import { countOf, formatBytes, formatDuration } from "../../config/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { LimitColumns } from "../../store/limit_columns.ts";
import { type FieldViolation, invalid } from "../errors.ts";

export const MIB = 1024 * 1024;
const TIMEOUT_MIN_MS = 100;
const CPU_TIME_MIN_MS = 1000;
const RETENTION_MIN_MS = 1000;
const RETENTION_MAX_MS = 3650 * 24 * 60 * 60 * 1000;
const MEMORY_MIN_BYTES = 32 * MIB;

/** What the operator allows; each is a named setting in `src/config`. An absent maximum is the default. */
export interface OperatorLimits {
  readonly timeoutMs: number;
  readonly maxTimeoutMs?: number | undefined;
  readonly cpuTimeMs: number;
  readonly maxCpuTimeMs?: number | undefined;
  readonly memoryBytes: number;
  readonly maxMemoryBytes?: number | undefined;
  readonly maxRunningPerFunction: number;
  /** How long invocations are kept after their end; undefined for ever. */
  readonly retentionMs?: number | undefined;
}

/** The limits in force for the calls of a function. */
export interface EffectiveLimits {
  readonly timeoutMs: number;
  readonly cpuTimeMs: number;
  readonly memoryBytes: number;
  readonly maxConcurrency: number;
}

/** The limits that a request asks for; absent and 0 ask for the default. */
export interface WantedLimits {
  readonly timeout?: number | undefined;
  readonly cpuTimeout?: number | undefined;
  readonly memoryMib?: number | undefined;
  readonly maxConcurrency?: number | undefined;
  readonly retention?: number | undefined;
}

/** The limits in a commit or an invocation; undefined in one of an earlier version, and in an open commit. */
export function recordedLimits(
  { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency }: LimitColumns,
): EffectiveLimits | undefined {
  const isKnown = timeoutMs !== null && cpuTimeMs !== null && memoryBytes !== null &&
    maxConcurrency !== null;
  return isKnown ? { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency } : undefined;
}

/** Limits of functions, within those of the operator. */
export class FunctionLimits {
  readonly #defaults: EffectiveLimits;
  readonly #maxima: EffectiveLimits;
  readonly #retentionMs: number | undefined;

  constructor(operator: OperatorLimits) {
    this.#retentionMs = operator.retentionMs;
    const { timeoutMs, cpuTimeMs, memoryBytes, maxRunningPerFunction } = operator;
    const { maxTimeoutMs, maxCpuTimeMs, maxMemoryBytes } = operator;
    this.#defaults = { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency: maxRunningPerFunction };
    this.#maxima = {
      timeoutMs: maxTimeoutMs ?? timeoutMs,
      cpuTimeMs: maxCpuTimeMs ?? cpuTimeMs,
      memoryBytes: maxMemoryBytes ?? memoryBytes,
      maxConcurrency: maxRunningPerFunction,
    };
  }

  /** The limits in force. A maximum that the operator lowered counts from the next start of the server on. */
  of(wanted: LimitColumns): EffectiveLimits {
    const inForce = (limit: keyof EffectiveLimits) =>
      Math.min(wanted[limit] ?? this.#defaults[limit], this.#maxima[limit]);
    return {
      timeoutMs: inForce("timeoutMs"),
      cpuTimeMs: inForce("cpuTimeMs"),
      memoryBytes: this.memoryOf(wanted),
      maxConcurrency: inForce("maxConcurrency"),
    };
  }

  /** The memory in force of a call, in bytes. */
  memoryOf({ memoryBytes }: Pick<LimitColumns, "memoryBytes">): number {
    return Math.min(memoryBytes ?? this.#defaults.memoryBytes, this.#maxima.memoryBytes);
  }

  /** How long the invocations of a function are kept after their end; undefined for ever. */
  retentionOf({ retentionMs }: Pick<FunctionRow, "retentionMs">): number | undefined {
    const known = [retentionMs, this.#retentionMs].filter((each) => typeof each === "number");
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /**
   * Checks what a request asks for.
   * @param prefix of the fields in the request, such as `function.`
   * @throws INVALID_FIELD
   */
  check(wanted: WantedLimits, prefix: string): void {
    const [first, ...others] = this.faults(wanted, prefix);
    if (first !== undefined) throw invalid(first, ...others);
  }

  /** What a request asks for and may not have. */
  faults(wanted: WantedLimits, prefix: string): readonly FieldViolation[] {
    const { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency } = this.#maxima;
    const { timeout, cpuTimeout, memoryMib } = wanted;
    const memory = memoryMib === undefined ? undefined : memoryMib * MIB;
    const calls = (count: number) => countOf(count, "call");
    const checks = [
      ["timeout", timeout, TIMEOUT_MIN_MS, timeoutMs, formatDuration, "--max-timeout"],
      ["cpuTimeout", cpuTimeout, CPU_TIME_MIN_MS, cpuTimeMs, formatDuration, "--max-cpu-time"],
      ["memoryMib", memory, MEMORY_MIN_BYTES, memoryBytes, formatBytes, "--max-memory"],
      [
        "maxConcurrency",
        wanted.maxConcurrency,
        1,
        maxConcurrency,
        calls,
        "--max-running-per-function",
      ],
      [
        "retention",
        wanted.retention,
        RETENTION_MIN_MS,
        this.#retentionMs ?? RETENTION_MAX_MS,
        formatDuration,
        "--retention",
      ],
    ] as const;
    return checks.flatMap(([name, value = 0, min, max, format, flag]) =>
      value === 0 || (value >= min && value <= max) ? [] : [{
        field: prefix + name,
        description: `${format(value)} is not between ${format(min)} and ${format(max)} (${flag})`,
      }]
    );
  }
}
