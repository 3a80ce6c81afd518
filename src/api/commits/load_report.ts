import { z } from "@hono/zod-openapi";
import { ADVICE_ON_ERROR, adviceOnReading } from "../../domain/commits/load_advice.ts";
import { commitLoad } from "../../domain/commits/load_reports.ts";
import type { LoadReport } from "../../engine/load_reporter.ts";
import { INVOCATION_STARTS, LOAD_STATES } from "../../resources/words.ts";
import type { CommitRow } from "../../store/commits.ts";
import { durationJson, durationOut } from "../primitives.ts";

const readingOut = z.object({
  position: z.string().openapi({
    description: "File and line, such as main.ts:3 or npm:exceljs@4.4.0/lib/xlsx/x.js:12",
  }),
  called: z.string().openapi({ description: "Such as Math.random, new Date or secrets" }),
  functionName: z.string().optional().openapi({
    description: "The innermost function at that position, if it has a name",
  }),
  advice: z.string().openapi({ description: "What to write instead" }),
}).openapi("invoked.LoadReading");

/** What loading the script of a commit showed: an addition of ours, beside the commit. */
export const loadReportOut = z.object({
  state: z.enum(LOAD_STATES).openapi("invoked.LoadState"),
  start: z.enum(INVOCATION_STARTS).openapi("invoked.InvocationStart", {
    description:
      "How invocations start if the function does not set evaluation. TEMPLATE: from a process that has " +
      "loaded the script; LOAD: each loads the script; FAST: the same in less than 1 ms, unless invocations are frequent",
  }).optional(),
  loadTime: durationOut.optional().openapi({
    description: "How long the module code runs; each invocation without a template takes it",
  }),
  readings: z.array(readingOut).openapi({
    description:
      "What module code used of the clock, of random numbers, secrets and variables; each keeps " +
      "invocations from a template unless evaluation is SHARED. At most 20",
  }),
  error: z.string().optional().openapi({
    description: "Why no setting gives the script a template",
  }),
  advice: z.string().optional().openapi({
    description: "What to write instead; present if error is present",
  }),
}).openapi("invoked.LoadReport", {
  description:
    "How invocations of the commit start, and why; absent for a commit that cannot run, and for " +
    "a commit of an earlier version until it is published or invoked",
}).optional();

const STARTS = {
  "template": "INVOCATION_START_TEMPLATE",
  "each invocation": "INVOCATION_START_LOAD",
  "fast": "INVOCATION_START_FAST",
} as const satisfies Record<LoadReport["start"], typeof INVOCATION_STARTS[number]>;

/** The API's form of the report on a commit, as a member of an answer. */
export function loadReportJson(
  row: CommitRow,
): { readonly loadReport?: z.input<typeof loadReportOut> } {
  const load = commitLoad(row);
  if (load === undefined) return {};
  if (load.state === "PENDING") {
    return { loadReport: { state: "LOAD_STATE_PENDING", readings: [] } };
  }
  const { loadMs, start, readings, error } = load.report;
  return {
    loadReport: {
      state: "LOAD_STATE_REPORTED",
      start: STARTS[start],
      loadTime: durationJson(loadMs),
      readings: readings.map((reading) => ({ ...reading, advice: adviceOnReading(reading) })),
      ...error === undefined ? {} : { error, advice: ADVICE_ON_ERROR },
    },
  };
}
