/** What the last attempt of an invocation took. */
import { z } from "@hono/zod-openapi";
import { type AttemptMeasures, PHASES } from "../../domain/invocations/measures.ts";
import type { InvocationRecord } from "../../store/invocations.ts";
import { durationOut, int32Out, int64Out, timestamp } from "../primitives.ts";

const MICROS_PER_MS = 1000;
const MICROS_PER_SECOND = 1_000_000;

const PHASE_NAMES = [...PHASES, "host_calls", "egress"] as const;

const phaseOut = z.object({
  name: z.enum(PHASE_NAMES),
  startedAt: timestamp,
  duration: durationOut,
}).openapi("invoked.InvocationPhase");

const egressOut = z.object({
  host: z.string().openapi({ description: "`host:port`; empty for requests without a host" }),
  verdict: z.enum(["EGRESS_VERDICT_ALLOWED", "EGRESS_VERDICT_REFUSED", "EGRESS_VERDICT_FAILED"]),
  count: int32Out,
  bytes: int64Out,
}).openapi("invoked.EgressVerdict");

/** The fields of an invocation about its last attempt. */
export const measurementsOut = {
  worker: z.string().optional().openapi({
    description:
      "The worker of the current or last attempt; absent if the API node ran the invocation itself",
  }),
  phases: z.array(phaseOut).optional().openapi({
    description:
      "Of its last attempt, one after another, and inside of `run` the sums `host_calls` " +
      "and `egress`. `record` is the time to the record of the end, without its sync. Absent until the end",
  }),
  usage: z.object({
    cpuTime: durationOut.optional().openapi({
      description:
        "Processor time of the process, including the start of a fork; absent if not measured",
    }),
    wallTime: durationOut.optional().openapi({
      description: "Time in the process of the invocation",
    }),
    peakMemoryBytes: int64Out.optional().openapi({
      description: "Peak resident memory of the process, including shared pages of the runtime",
    }),
    egressBytes: int64Out,
    volumeBytes: int64Out.optional().openapi({
      description: "Bytes of files that the invocation read and wrote; absent without a volume",
    }),
  }).openapi("invoked.InvocationUsage").optional(),
  egress: z.array(egressOut).optional().openapi({
    description: "Connections by host and verdict, at most 100; absent without connections",
  }),
};

/** The API's form of what the last attempt took. */
export function measurementsJson({ worker, measured, cpuMicros }: InvocationRecord) {
  const recorded = measured === null ? undefined : JSON.parse(measured) as AttemptMeasures;
  return {
    ...worker === null ? {} : { worker },
    ...recorded === undefined ? {} : {
      phases: phasesOf(recorded),
      usage: usageOf(recorded, cpuMicros),
      ...recorded.egress === undefined ? {} : { egress: recorded.egress.map(verdictOf) },
    },
  };
}

function phasesOf({ at, phases, inside }: AttemptMeasures): z.input<typeof phaseOut>[] {
  let micros = 0;
  let runMicros = 0;
  const list: z.input<typeof phaseOut>[] = [];
  const add = (name: typeof PHASE_NAMES[number], startMicros: number, duration: number) =>
    list.push({ name, startedAt: timeOf(at, startMicros), duration: durationOf(duration) });
  for (const [index, name] of PHASES.entries()) {
    const duration = phases[index] ?? null;
    if (name === "run") runMicros = micros;
    if (duration === null) continue;
    add(name, micros, duration);
    micros += duration;
  }
  const [hostCalls = 0, egress = 0] = inside ?? [];
  if (hostCalls > 0) add("host_calls", runMicros, hostCalls);
  if (egress > 0) add("egress", runMicros, egress);
  return list;
}

function usageOf(
  { phases, inside, peakBytes, egressBytes = 0, volumeBytes }: AttemptMeasures,
  cpuMicros: number | null,
) {
  const [, , , evaluate, run] = phases;
  return {
    ...cpuMicros === null ? {} : { cpuTime: durationOf(cpuMicros) },
    ...inside === undefined ? {} : { wallTime: durationOf((evaluate ?? 0) + (run ?? 0)) },
    ...peakBytes === undefined ? {} : { peakMemoryBytes: `${peakBytes}` },
    egressBytes: `${egressBytes}`,
    ...volumeBytes === undefined ? {} : { volumeBytes: `${volumeBytes}` },
  };
}

function verdictOf(
  [host, verdict, count, bytes]: readonly [string, string, number, number],
): z.input<typeof egressOut> {
  const name = `EGRESS_VERDICT_${verdict.toUpperCase()}` as z.input<typeof egressOut>["verdict"];
  return { host, verdict: name, count, bytes: `${bytes}` };
}

/** A duration with microseconds. */
export function durationOf(micros: number): string {
  return `${(micros / MICROS_PER_SECOND).toFixed(6)}s`;
}

/** A time with microseconds. @param at milliseconds since 1970 */
function timeOf(at: number, micros: number): string {
  const all = Math.round(at * MICROS_PER_MS) + micros;
  const ms = Math.floor(all / MICROS_PER_MS);
  const rest = `${all - ms * MICROS_PER_MS}`.padStart(3, "0");
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}
