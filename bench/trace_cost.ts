/**
 * What traces cost an invocation, in processor time: one that is not sampled, beside the same reports to nobody; and one
 * that is sampled, with the HTTP requests to a collector in another process:
 * `node_modules/deno/deno run --allow-all bench/trace_cost.ts`. The rounds alternate, so that all see the same machine.
 */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import {
  type AttemptReport,
  NO_TELEMETRY,
  type TracedTelemetry,
} from "../src/telemetry/contract.ts";
import { openTraces } from "../src/telemetry/traces/open.ts";
import { ksuidAt } from "../src/shared/ksuids.ts";
import { ATTEMPT, REQUEST } from "./reports.ts";
import { median } from "./statistics.ts";

const ROUNDS = 30;
/** So few that the queue holds the spans of one round. */
const INVOCATIONS = 1_000;
const LIMIT_MICROS = 30;
/** Seldom enough that the looks cost nothing. */
const POLL_MS = 250;
const SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function attempt(n: number, traceparent: string | null): AttemptReport {
  const payload = BigInt(n) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835n;
  return {
    function: { id: ksuidAt(1_800_000_000, 7n), displayName: `function ${n % 50}` },
    invocation: {
      id: ksuidAt(1_800_000_000, BigInt.asUintN(128, payload)),
      commitId: ksuidAt(1_800_000_000, 8n),
      acceptedAtMs: 1_800_000_000_000,
      traceparent,
    },
    ...ATTEMPT,
  };
}

/** Processor time of the reports of one invocation, and of sending its spans, in microseconds. */
async function measure(
  telemetry: TracedTelemetry,
  attempts: readonly AttemptReport[],
  sent: () => Promise<void>,
): Promise<number> {
  const before = process.cpuUsage();
  for (const attempt of attempts) {
    telemetry.attemptEnded(attempt);
    telemetry.requestAnswered({ ...REQUEST, invocationId: attempt.invocation.id });
  }
  await sent();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / attempts.length;
}

/** A collector that takes everything, in a process of its own. */
async function startCollector() {
  const serve = `const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      await request.arrayBuffer();
      return new Response(null, { headers: { "content-type": "application/x-protobuf" } });
    });
  console.log(server.addr.port);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", serve],
    stdout: "piped",
  }).spawn();
  const { value: first } = await child.stdout.getReader().read();
  return {
    endpoint: `http://127.0.0.1:${Number(new TextDecoder().decode(first))}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

await using collector = await startCollector();
const counts = { exported: 0, lost: 0 };
const options = {
  version: "0.0.0",
  instanceId: "bench",
  role: "server",
  scheme: "http",
  collector: { ...collector, headers: {}, ca: undefined, intervalMs: 60_000 },
  counters: {
    processed: (count: number, error: string | undefined) => {
      if (error !== undefined) counts.lost += count;
    },
    exported: (count: number, error: string | undefined) => {
      counts.exported += count;
      if (error !== undefined) counts.lost += count;
    },
  },
} as const;
await using half = openTraces({ ...options, sampling: { ratio: 1e-9, slowMs: 60_000 } });
const numbers = Array.from({ length: INVOCATIONS }, (_, n) => n + 1);
const own = numbers.map((n) => attempt(n, null));
const sampled = numbers.map((n) => attempt(n, SAMPLED));
const SPANS = 7;
const atOnce = () => Promise.resolve();
const allSent = async () => {
  const goal = Math.ceil((counts.exported + 1) / (INVOCATIONS * SPANS)) * INVOCATIONS * SPANS;
  while (counts.exported < goal) await pause(POLL_MS);
};
const costs = { nobody: [] as number[], unsampled: [] as number[], sampled: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  costs.nobody.push(await measure(NO_TELEMETRY, own, atOnce));
  costs.unsampled.push(await measure(half.telemetry, own, atOnce));
  costs.sampled.push(await measure(half.telemetry, sampled, allSent));
}
if (counts.lost > 0) throw new Error(`${counts.lost} spans were lost`);
const nobody = median(costs.nobody);
const [unsampled, withSpans] = [costs.unsampled, costs.sampled].map((all) => median(all) - nobody);
console.log(`${unsampled?.toFixed(2)} us more for an invocation that is not sampled`);
console.log(
  `${withSpans?.toFixed(2)} us more for one with ${SPANS} spans, ${
    ((withSpans ?? NaN) / LIMIT_MICROS).toFixed(2)
  } of ${LIMIT_MICROS} us`,
);
