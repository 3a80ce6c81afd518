/** The ten figures of docs/performance.md, from the rows of a benchmark. */
import { BARE } from "./contenders.ts";
import { formatValue, type Row } from "./report.ts";

/** One line of the page: which row it shows, and which of the row's percentiles. */
interface Figure {
  readonly name: string;
  readonly part: string;
  readonly measure: string;
  readonly subject?: string;
  readonly percentile?: "p50" | "p99";
}

const FIGURES: readonly Figure[] = [
  {
    name: "median time of an invocation, 10 invocations/s",
    part: "latency",
    measure: "10 invocations/s",
  },
  {
    name: "99th percentile, 40 invocations/s",
    part: "latency",
    measure: "40 invocations/s",
    percentile: "p99",
  },
  { name: "invocations a second, 8 callers", part: "latency", measure: "8 callers" },
  {
    name: "invocations a second with process reuse, 8 callers",
    part: "latency",
    measure: "8 callers",
    subject: "invoked, reused",
  },
  {
    name: "median time of an invocation that imports zod, 40 invocations/s",
    part: "latency",
    measure: "40 invocations/s",
    subject: "invoked, zod",
  },
  { name: "first invocation of a function of 1 KB", part: "first call", measure: "1 KB" },
  { name: "median time of an invocation with 4 MB of code", part: "bundles", measure: "4 MB" },
  { name: "median time of an invocation with an input of 5 MB", part: "inputs", measure: "5 MB" },
  {
    name: "median time of an invocation with 1,000,000 stored invocations",
    part: "growth",
    measure: "call",
    subject: "1,000,000 invocations",
  },
  {
    name: "from the upload of 1 KB to the first answer",
    part: "finalize",
    measure: "1 KB",
    subject: "later commits",
  },
];

/**
 * Renders the figures as a table, beside the figures of a bare `deno run` if the benchmark measured both.
 * @throws Error if a figure was not measured
 */
export function renderFigures(rows: readonly Row[]): string {
  const lines = FIGURES.map(({ name, part, measure, subject = "invoked", percentile = "p50" }) => {
    const find = (wanted: string) =>
      rows.find((row) => row.part === part && row.measure === measure && row.subject === wanted);
    const value = (row: Row | undefined) => {
      const amount = row?.[percentile];
      return row === undefined || amount === undefined ? undefined : formatValue(amount, row.unit);
    };
    const measured = value(find(subject));
    if (measured === undefined) {
      throw new Error(
        `Figure ${name} is missing: the benchmark has no ${part}, ${measure}, ${subject}`,
      );
    }
    return `| ${name} | ${measured} | ${value(find(BARE)) ?? ""} |`;
  });
  return ["| Figure | `invoked` | bare `deno run` |", "| --- | ---: | ---: |", ...lines].join("\n");
}
