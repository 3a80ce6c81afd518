/** The rows of the part `packages` as a table of Markdown, with a line for each function. */
import {
  BASELINE,
  INVOCATION,
  LOADING,
  PART,
  PROCESSOR_TIME,
  sharedSubject,
  STARTS,
} from "./parts/packages.ts";
import type { Row } from "./report.ts";

const HEADER = [
  "Function",
  "Loading",
  "Starts from",
  "Processor time",
  "to `hello`",
  "p50",
  "to `hello`",
];

/** As the server's `EVALUATION_MIN_MS`. */
const NEEDS_TEMPLATE_MS = 1;

/** The table; the functions that load longest come first, and `hello` before all. */
export function renderPackages(rows: readonly Row[]): string {
  const own = rows.filter(({ part }) => part === PART);
  const of = (measure: string, subject: string) =>
    own.find((row) => row.measure === measure && row.subject === subject);
  const subjects = own.filter(({ measure }) => measure === INVOCATION).map(({ subject }) =>
    subject
  );
  const loadingOf = (subject: string) =>
    own.find((row) =>
      row.measure === LOADING && [row.subject, sharedSubject(row.subject)].includes(subject)
    )?.p50 ?? 0;
  const startOf = (subject: string) => {
    if (loadingOf(subject) < NEEDS_TEMPLATE_MS) return "module code, which is fast";
    if (of(STARTS, subject)?.p50 === 0) return "module code";
    return subject === sharedSubject(subject) ? "a template, with the setting" : "a template";
  };
  const lines = subjects
    .toSorted((a, b) =>
      Number(b === BASELINE) - Number(a === BASELINE) || loadingOf(b) - loadingOf(a) ||
      a.localeCompare(b)
    )
    .map((subject) => {
      const time = of(PROCESSOR_TIME, subject);
      const call = of(INVOCATION, subject);
      return [
        subject === BASELINE ? "`hello`" : subject,
        subject === BASELINE ? "" : `${loadingOf(subject).toFixed(1)} ms`,
        startOf(subject),
        `${time?.p50.toFixed(1)} ms`,
        `${(time?.ratio ?? 1).toFixed(2)} x`,
        `${call?.p50.toFixed(1)} ms`,
        `${(call?.ratio ?? 1).toFixed(2)} x`,
      ];
    });
  const alignment = HEADER.map((_, column) => [0, 2].includes(column) ? "---" : "---:");
  return [HEADER, alignment, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
