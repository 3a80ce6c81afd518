import { duration } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** How long ended invocations are kept, and how long their usage. */
export const RETENTION_SETTINGS = {
  /** Undefined keeps invocations for ever. */
  ageMs: setting("retention", duration({ min: "1s", max: "3650d" }), {
    description: "How long invocations are kept after their end; forever by default",
  }),
  sweepIntervalMs: setting("retention-sweep", duration({ min: "10ms", max: "1d" }), {
    default: "1m",
    description: "Interval between erasures of invocations beyond their retention",
  }),
  /** Of usage, after the end of its day. */
  usageMs: setting("usage-retention", duration({ min: "1d", max: "3650d" }), {
    default: "400d",
    description: "How long the usage of a day is kept after the end of the day",
  }),
} satisfies Rows;
