/** What a server reports of an invocation of `hello`, as the benches of telemetry report it. */
import type { AttemptReport, RequestReport } from "../src/telemetry/contract.ts";

/** The only attempt of an invocation, which a request waits for; all but what names the two. */
export const ATTEMPT: Omit<AttemptReport, "function" | "invocation"> = {
  number: 1,
  triggerKind: "api",
  process: "template",
  errorCode: undefined,
  unstarted: undefined,
  isRepeated: false,
  endsRequest: true,
  startedAtMs: 1_800_000_000_000.4,
  durationMicros: 1_450,
  phaseMicros: [120, 80, 300, null, 700, 250],
  cpuMicros: 900,
  peakBytes: 60 * 1024 ** 2,
  egressBytes: 0,
  hostCallsMicros: 0,
  egressMicros: 0,
  calls: [],
};

/** The request that waits. */
export const REQUEST: RequestReport = {
  method: "POST",
  route: "/api/v1/functions/{function_id}/invoke",
  status: 200,
  durationMs: 1.7,
};
