/**
 * What metrics cost an invocation, in processor time, beside the same reports to nobody:
 * `node_modules/deno/deno run --allow-all bench/metrics_cost.ts`. The rounds alternate, so that both see the same machine.
 */
import process from "node:process";
import { type AttemptReport, NO_TELEMETRY, type Telemetry } from "../src/telemetry/contract.ts";
import { openMetrics } from "../src/telemetry/metrics/open.ts";
import { ATTEMPT, REQUEST } from "./reports.ts";
import { median } from "./statistics.ts";

const ROUNDS = 30;
const INVOCATIONS = 20_000;
const FUNCTIONS = 50;
const LIMIT_MICROS = 5;

const attempts: readonly AttemptReport[] = Array.from({ length: FUNCTIONS }, (_, n) => ({
  function: { id: `${n}`.padStart(27, "0"), displayName: `function ${n}` },
  invocation: { id: `${n}`.padStart(27, "1"), commitId: "", acceptedAtMs: 0, traceparent: null },
  ...ATTEMPT,
  process: n % 2 === 0 ? "template" : "root",
  errorCode: n % 10 === 0 ? "UNCAUGHT" : undefined,
  durationMicros: 1_500 + n,
  phaseMicros: [120, 80, 300, null, 700 + n, 250],
  egressBytes: n % 5 === 0 ? 2_000 : 0,
}));

/** Processor time of the reports of one invocation, in microseconds. */
function measure(telemetry: Telemetry): number {
  const before = process.cpuUsage();
  for (let n = 0; n < INVOCATIONS; n++) {
    telemetry.attemptEnded(attempts[n % FUNCTIONS] as AttemptReport);
    telemetry.requestAnswered(REQUEST);
    // Invocations share syncs; this is the most.
    telemetry.storeSynced(0.8);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / INVOCATIONS;
}

await using metrics = openMetrics({
  version: "0.0.0",
  instanceId: "bench",
  role: "server",
  scheme: "http",
  collector: undefined,
});
const costs = { metrics: [] as number[], nobody: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  costs.metrics.push(measure(metrics.telemetry));
  costs.nobody.push(measure(NO_TELEMETRY));
}
const [counted, reported] = [median(costs.metrics), median(costs.nobody)];
const difference = counted - reported;
console.log(`${counted.toFixed(2)} us an invocation with metrics, ${reported.toFixed(2)} without`);
console.log(
  `${difference.toFixed(2)} us more, ${
    (difference / LIMIT_MICROS).toFixed(2)
  } of ${LIMIT_MICROS} us`,
);
for (let n = 0; n < 500; n++) {
  const id = `${n}`.padStart(27, "1");
  metrics.telemetry.attemptEnded({
    ...attempts[0] as AttemptReport,
    function: { id, displayName: id },
  });
}
const before = process.cpuUsage();
const { length } = await metrics.page.text();
const { user, system } = process.cpuUsage(before);
console.log(
  `${((user + system) / 1000).toFixed(0)} ms for a page of 500 functions, ${
    (length / 1024 ** 2).toFixed(1)
  } MiB`,
);
