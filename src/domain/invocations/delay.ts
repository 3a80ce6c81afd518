/** The time that a caller wants its call to start at. */
import { formatDuration } from "../../config/mod.ts";
import { invalid } from "../errors.ts";

/** Asserts that a time is neither in the past nor too far away. @throws INVALID_FIELD */
export function checkInvokeAt(at: Date, maxDelayMs: number): void {
  const now = new Date();
  const aheadMs = at.getTime() - now.getTime();
  const description = aheadMs <= 0
    ? `${at.toISOString()} is in the past; the time of the server is ${now.toISOString()}`
    : aheadMs > maxDelayMs
    ? `${at.toISOString()} is further ahead than the limit of ${
      formatDuration(maxDelayMs)
    } (--max-delay)`
    : undefined;
  if (description !== undefined) throw invalid({ field: "Invoke-At", description });
}
