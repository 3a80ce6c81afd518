/** The pictures and tables of bench/scale/README.md. */
import { type Chart, renderSvg } from "../plots.ts";
import { type Break, TARGET_PER_SECOND } from "./breaks.ts";
import type { Measured } from "./measured.ts";
import { type Part, PARTS } from "./simulation/model.ts";

/** In short, for a legend. */
const SHOWN_PARTS: Readonly<Partial<Record<Part, string>>> = {
  api: "API nodes",
  postgres: "PostgreSQL",
  log: "its log",
  nats: "NATS",
};

/** Pictures by the names of their files. */
export function renderPictures(breaks: readonly Break[]): ReadonlyMap<string, string> {
  const second = breaks[1];
  if (second === undefined) throw new Error("There is no break to draw");
  return new Map([
    ["scale-latency.svg", renderSvg(latency(breaks))],
    ["scale-utilization.svg", renderSvg(utilization(second))],
  ]);
}

function latency(breaks: readonly Break[]): Chart {
  const rates = longest(breaks);
  return {
    kind: "lines",
    title: "An invocation without its function's own time, p99, in milliseconds",
    amount: "ms, by invocations per second",
    labels: rates.map(shortRate),
    series: breaks.map((found, at) => ({
      name: at === 0 ? "as configured" : `after fix ${at}`,
      values: rates.map((_, index) => found.outcomes[index]?.p99),
    })),
  };
}

function utilization({ outcomes }: Break): Chart {
  return {
    kind: "lines",
    title: "How busy each part is, after the first fix",
    amount: "percent, by invocations per second",
    labels: outcomes.map(({ invocationsPerSecond }) => shortRate(invocationsPerSecond)),
    series: Object.entries(SHOWN_PARTS).map(([part, name]) => ({
      name,
      values: outcomes.map(({ utilization }) => utilization[part as Part] * 100),
    })),
  };
}

function longest(breaks: readonly Break[]): number[] {
  const most = breaks.reduce((a, b) => b.outcomes.length > a.outcomes.length ? b : a);
  return most.outcomes.map(({ invocationsPerSecond }) => invocationsPerSecond);
}

function shortRate(rate: number): string {
  return rate < 1000 ? String(Math.round(rate)) : `${(rate / 1000).toFixed(1)}k`;
}

/** The tables of the page: what was measured, and what breaks. */
export function renderTables(measured: Measured, breaks: readonly Break[]): string {
  const { nats, postgres, calls, machine } = measured;
  const rows: [string, number][] = [
    ["API node, processor time of an invocation", calls.apiMs],
    ["API node, processor time of a heartbeat", calls.heartbeatMs],
    ["worker, processor time of an invocation", calls.workerMs],
    ["NATS, round trip of a request", nats.requestMs],
    ["NATS, processor time of a message", nats.messageMs],
    ["PostgreSQL, processor time of a write", postgres.writeProcessorMs],
    ["PostgreSQL, processor time of a transaction", postgres.transactionProcessorMs],
    ["a sync of 8 KiB on this disk", postgres.syncMs],
  ];
  return [
    `Measured ${
      measured.startedAt.slice(0, 10)
    } on ${machine.cores} cores (${machine.processor}), ` +
    `load ${measured.loadBefore} before and ${measured.loadAfter} after:`,
    "",
    ...table(
      ["Time", "ms"],
      rows.map(([name, ms]) => [name, Number(ms.toPrecision(2)).toString()]),
    ),
    "",
    "The cluster breaks in this order, if each break is fixed before the next:",
    "",
    ...table(
      ["Breaks at", "Invocations an hour", "What breaks", "What helps"],
      breaks.map(({ brokenPerSecond, part, fix }) => [
        `${Math.round(brokenPerSecond).toLocaleString("en")} invocations a second`,
        `${(brokenPerSecond * 3600 / 1e6).toFixed(1)} million`,
        PARTS[part],
        fix,
      ]),
    ),
    "",
    `The target is ${Math.round(TARGET_PER_SECOND).toLocaleString("en")} invocations a second.`,
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [
    line(head),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.map(line),
  ];
}
