/** What a part of the benchmark measured, as a table for people, JSON and plots. */
import type { Chart } from "./plots.ts";
import { summarize, type Summary } from "./statistics.ts";

export type Unit = "ms" | "s" | "/s" | "MiB" | "MB/s" | "functions";

/** One line of the table. */
export interface Row extends Summary {
  readonly part: string;
  /** What was measured, such as `10 invocations/s`. */
  readonly measure: string;
  /** Of whom, such as `invoked`. */
  readonly subject: string;
  readonly unit: Unit;
  /** Number of requests that were rejected because the subject was full. */
  readonly rejected: number;
  /** The subject's median in multiples of that of the baseline, where there is one. */
  readonly ratio?: number;
}

export interface PartResult {
  readonly rows: readonly Row[];
  /** Plots by the name of their file, without its ending. */
  readonly charts: Readonly<Record<string, Chart>>;
  /** What the rows do not say. */
  readonly notes: readonly string[];
}

/** What the samples of one subject are compared with, and which unit they have. */
interface RowOptions {
  readonly part: string;
  readonly measure: string;
  readonly subject: string;
  readonly unit: Unit;
  readonly rejected?: number;
}

export function rowOf(options: RowOptions, samples: readonly number[]): Row {
  return { rejected: 0, ...options, ...summarize(samples) };
}

/** Gives every row the ratio to the row of the same measure that `baseline` names. */
export function withRatios(rows: readonly Row[], baseline: string): Row[] {
  return rows.map((row) => {
    const base = rows.find((other) => other.measure === row.measure && other.subject === baseline);
    return base === undefined || base === row ? row : { ...row, ratio: row.p50 / base.p50 };
  });
}

const HEADER = ["", "measure", "of", "n", "rejected", "p50", "p95", "p99", "p99.9", "ratio"];
const LEFT_COLUMNS = 3;

/** All rows as one table of text. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [HEADER, ...rows.map(cellsOf)];
  const widths = HEADER.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  );
  return lines.map((line) =>
    line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < LEFT_COLUMNS ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  ).join("\n");
}

function cellsOf(row: Row): string[] {
  const { part, measure, subject, n, rejected, unit } = row;
  const value = (amount: number | undefined) =>
    amount === undefined ? "" : formatValue(amount, unit);
  return [
    part,
    measure,
    subject,
    String(n),
    rejected === 0 ? "" : String(rejected),
    value(row.p50),
    value(row.p95),
    value(row.p99),
    value(row.p999),
    row.ratio === undefined ? "" : `${formatAmount(row.ratio)} x`,
  ];
}

/** `7.52 ms` */
export function formatValue(amount: number, unit: Unit): string {
  return `${formatAmount(amount)} ${unit}`;
}

/** Three digits, or all before the point; two of what is less than a tenth. */
function formatAmount(amount: number): string {
  if (amount < 0.1) return amount.toPrecision(2);
  if (amount >= 100) return amount.toFixed(0);
  return amount >= 10 ? amount.toFixed(1) : amount.toFixed(2);
}
