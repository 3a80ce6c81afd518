import { duration } from "./kinds.ts";
import type { Rows } from "./setting.ts";

/** How long ended invocations are kept, and how long their usage. */
export const RETENTION_SETTINGS = {
  /** Undefined keeps invocations for ever. */
  ageMs: {
    name: "retention",
    kind: duration({ min: "1s", max: "3650d" }),
    description: "How long invocations are kept after their end; forever by default",
  },
  sweepIntervalMs: {
    name: "retention-sweep",
    kind: duration({ min: "10ms", max: "1d" }),
    default: "1m",
    description: "Interval between erasures of invocations beyond their retention",
  },
  /** Of usage, after the end of its day. */
  usageMs: {
    name: "usage-retention",
    kind: duration({ min: "1d", max: "3650d" }),
    default: "400d",
    description: "How long the usage of a day is kept after the end of the day",
  },
} satisfies Rows;
