/** The table of usage, as Kysely sees it; see `schema.ts`. */

/** Sums over attempts and invocations that ended. */
export interface UsageSums {
  /** Invocations that ended; their earlier attempts are not among them. */
  invocations: number;
  /** The invocations among them that failed. */
  errors: number;
  /** Attempts that may have run code of the function. */
  attempts: number;
  cpuMicros: number;
  /** From the request to a process until the outcome: without waits for a slot or a process. */
  wallMicros: number;
  /** Memory limit in MiB, times wall time in milliseconds. */
  memoryMibMillis: number;
  egressBytes: number;
  /** Bytes of files that were read and written on volumes. */
  volumeBytes: number;
}

/** What the attempts of one day used. */
export interface UsageTable extends UsageSums {
  /** In UTC, such as `2026-01-31`: the day on which the attempts ended. */
  day: string;
  functionId: string;
  principalId: string;
  /**
   * A number of the process that wrote the row, so that nodes never wait for each other's rows. A process has several
   * numbers, see `usage_rows.ts`.
   */
  writer: number;
}
