import { duration, integer } from "./kinds.ts";
import type { Rows } from "./settings.ts";

/** When a process of a function with isolation "shared" gets no further call. */
export const REUSE_SETTINGS: Rows<"reuse"> = {
  callsMax: {
    name: "shared-calls",
    kind: integer({ min: "1", max: "10000000" }),
    default: "10000",
    description: "Calls that one process of a shared function runs before it is replaced",
  },
  lifetimeMs: {
    name: "shared-lifetime",
    kind: duration({ min: "1s", max: "7d" }),
    default: "10m",
    description: "Age at which a process of a shared function is replaced",
  },
  idleMs: {
    name: "shared-idle",
    kind: duration({ min: "100ms", max: "1d" }),
    default: "60s",
    description: "How long a process of a shared function waits for its next call",
  },
  waitingMax: {
    name: "shared-waiting",
    kind: integer({ min: "0", max: "10000" }),
    default: "32",
    description: "Processes of all shared functions together that wait for their next call",
  },
};
