/** Columns that several tables have. */

/** Limits of calls. */
export interface LimitColumns {
  timeoutMs: number | null;
  cpuTimeMs: number | null;
  memoryBytes: number | null;
  maxConcurrency: number | null;
}

/** How many calls a process runs. */
export type ProcessReuse = "PROCESS_REUSE_NONE" | "PROCESS_REUSE_SEQUENTIAL";
