import { duration, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** When an instance of a function with `PROCESS_REUSE_SEQUENTIAL` is replaced. */
export const REUSE_SETTINGS = {
  invocationsMax: setting("reuse-calls", integer({ min: "1", max: "10000000" }), {
    default: "10000",
    description: "Invocations that one process runs before it is replaced",
  }),
  lifetimeMs: setting("reuse-lifetime", duration({ min: "1s", max: "7d" }), {
    default: "10m",
    description: "Age at which a process is replaced",
  }),
  idleMs: setting("reuse-idle", duration({ min: "100ms", max: "1d" }), {
    default: "60s",
    description: "How long a process waits for its next invocation",
  }),
  waitingMax: setting("reuse-waiting", integer({ min: "0", max: "10000" }), {
    default: "32",
    description: "Processes of all functions that wait for their next invocation",
  }),
} satisfies Rows;
