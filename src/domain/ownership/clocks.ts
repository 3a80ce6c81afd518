/**
 * The clocks of API nodes. Leases and rate limits follow the clock of the database, and limits of running invocations the
 * monotonic clock of their machine. Times of schedules, retries, tokens and records come from the clock of the node that
 * writes or compares them, so the clocks of nodes have to agree.
 */
import { formatDuration } from "../../config/mod.ts";
import type { LeaseName } from "./contract.ts";

/** How far a clock may be from the clock of the database: two such nodes accept the access tokens of each other. */
const CLOCK_TOLERANCE_MS = 30_000;

/** Work that compares times of other nodes with the clock of its node. */
export const TIMED_WORK: readonly LeaseName[] = ["housekeeping", "schedules"];

const SECOND_MS = 1_000;

/**
 * How far a clock is ahead of the database's, at least, in milliseconds; negative if it is behind. A slow answer of the
 * database proves nothing.
 * @param beforeMs by the clock, when the database was asked for its time
 * @param afterMs by the clock, when the answer came
 */
export function clockOffset(beforeMs: number, databaseMs: number, afterMs: number): number {
  if (databaseMs < beforeMs) return beforeMs - databaseMs;
  return databaseMs > afterMs ? afterMs - databaseMs : 0;
}

/** Whether a clock is further from the clock of the database than is tolerated. */
export function isClockWrong(offsetMs: number): boolean {
  return Math.abs(offsetMs) > CLOCK_TOLERANCE_MS;
}

/** How far a clock is from the clock of the database, in words, such as `90 s ahead of the clock of the database`. */
export function clockOffsetInWords(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / SECOND_MS);
  const side = offsetMs < 0 ? "behind" : "ahead of";
  return `${formatDuration(seconds * SECOND_MS)} ${side} the clock of the database`;
}
