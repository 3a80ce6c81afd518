import type { FunctionRow } from "../store/functions.ts";
import { columnNames } from "../resources/field.ts";
import { INVOCATION_LIMITS, type LimitColumns } from "../resources/functions.ts";
import { columnsOf, type Maxima } from "./resource.ts";

const RETENTION_MAX_MS = 3650 * 24 * 60 * 60 * 1000;

/** What the operator allows; each is a named setting in `src/config`. An absent maximum is the default. */
interface OperatorLimits {
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

/** The limits in force for the invocations of a function. */
export type EffectiveLimits = { readonly [Column in keyof LimitColumns]: number };

const COLUMNS = columnNames(INVOCATION_LIMITS);

/** The limits of an open commit. */
export const NO_LIMITS = columnsOf(INVOCATION_LIMITS, {});

/** The limits in a commit or an invocation; undefined in one of an earlier version, and in an open commit. */
export function recordedLimits(row: LimitColumns): EffectiveLimits | undefined {
  const limits = COLUMNS.map((column) => [column, row[column]] as const);
  return limits.some(([, limit]) => limit === null)
    ? undefined
    : Object.fromEntries(limits) as EffectiveLimits;
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
    const limits: Record<keyof LimitColumns, number> = { ...this.#defaults };
    for (const column of COLUMNS) {
      limits[column] = Math.min(wanted[column] ?? limits[column], this.#maxima[column]);
    }
    return limits;
  }

  /** The memory in force of an invocation. */
  memoryOf(wanted: LimitColumns): Pick<EffectiveLimits, "memoryBytes"> {
    const { memoryBytes } = this.of(wanted);
    return { memoryBytes };
  }

  /** How long the invocations of a function are kept after their end; undefined for ever. */
  retentionOf({ retentionMs }: Pick<FunctionRow, "retentionMs">): number | undefined {
    const known = [retentionMs, this.#retentionMs].filter((each) => typeof each === "number");
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** The largest values that a request may ask for, by flag. */
  get maxima(): Maxima {
    return {
      "--max-timeout": this.#maxima.timeoutMs,
      "--max-cpu-time": this.#maxima.cpuTimeMs,
      "--max-memory": this.#maxima.memoryBytes,
      "--max-running-per-function": this.#maxima.maxConcurrency,
      "--retention": this.#retentionMs ?? RETENTION_MAX_MS,
    };
  }
}
