/** What the last attempt of an invocation took, as text. */
import { countOf, formatCount } from "../../config/mod.ts";
import type { EgressVerdict, Invocation, Phase, Usage } from "../client/schemas.ts";
import { type ShownField, sizeInWords } from "./output.ts";

/** Width of the whole time in a waterfall. */
const COLUMNS = 40;
const MS_PER_SECOND = 1000;
const MICROS_PER_MS = 1000;
const MICROS_PER_SECOND = 1_000_000;

/** Worker, phases, usage and egress; only the known ones. */
export function describeMeasurements(
  { worker, phases, usage, egress }: Pick<Invocation, "worker" | "phases" | "usage" | "egress">,
): ShownField[] {
  return [
    ["worker", worker],
    ["phases", phases.length === 0 ? undefined : waterfallOf(phases)],
    ["used", usage && describeUsage(usage)],
    ["egress", egress.map(describeVerdict).join("\n") || undefined],
  ];
}

/** A line for each phase: its name, what it took, and where in the whole time it was. */
function waterfallOf(phases: readonly Phase[]): string {
  const starts = phases.map(({ startedAt = "" }) => microsOf(startedAt));
  const first = Math.min(...starts);
  const ends = phases.map(({ duration }, n) =>
    (starts[n] ?? first) + secondsOf(duration) * MICROS_PER_SECOND
  );
  const scale = COLUMNS / Math.max(1, Math.max(...ends) - first);
  const names = Math.max(...phases.map(({ name }) => name.length));
  const times = phases.map(({ duration }) => inMs(duration));
  const width = Math.max(...times.map((time) => time.length));
  return phases.map(({ name }, n) => {
    const from = Math.min(COLUMNS - 1, Math.floor(((starts[n] ?? first) - first) * scale));
    const to = Math.max(
      from + 1,
      Math.min(COLUMNS, Math.round(((ends[n] ?? first) - first) * scale)),
    );
    const bar = `${" ".repeat(from)}${"█".repeat(to - from)}`;
    return `${name.padEnd(names)}  ${(times[n] ?? "").padStart(width)}  ${bar}`;
  }).join("\n");
}

function describeUsage(
  { cpuTime, wallTime, peakMemoryBytes, egressBytes, volumeBytes }: Usage,
): string {
  return [
    cpuTime === undefined ? [] : [`${inMs(cpuTime)} of CPU time`],
    wallTime === undefined ? [] : [`${inMs(wallTime)} in its process`],
    peakMemoryBytes === undefined ? [] : [`${sizeInWords(peakMemoryBytes)} of memory at most`],
    egressBytes === undefined ? [] : [`${sizeInWords(egressBytes)} of egress`],
    volumeBytes === undefined ? [] : [`${sizeInWords(volumeBytes)} of its volume`],
  ].flat().join(", ");
}

function describeVerdict({ host, verdict, count, bytes }: EgressVerdict): string {
  return `${host || "no host"}: ${verdict}, ${countOf(count, "connection")}, ${sizeInWords(bytes)}`;
}

function secondsOf(duration: string): number {
  return Number.parseFloat(duration) || 0;
}

/** `1.5 ms` of `0.001500s`. */
function inMs(duration: string): string {
  const ms = secondsOf(duration) * MS_PER_SECOND;
  return `${ms < 100 ? ms.toFixed(2) : formatCount(Math.round(ms))} ms`;
}

/** Microseconds since 1970 of a time with microseconds. */
function microsOf(time: string): number {
  const [, micros = "0"] = /\.\d{3}(\d{3})Z$/.exec(time) ?? [];
  return (Date.parse(time) || 0) * MICROS_PER_MS + Number(micros);
}
