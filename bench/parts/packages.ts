/**
 * Part `packages`: functions that import a package each, beside one without: how long their scripts load, whether
 * invocations start from a template, and what an invocation costs.
 */
import { loadReportOf } from "../../tests/support/load_reports.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Call, type Load, merge, oneByOne } from "../load.ts";
import { readPackageWorkloads } from "../package_list.ts";
import { type PartResult, type Row, rowOf, type Unit, withRatios } from "../report.ts";
import { processorMs } from "../scale/processor_time.ts";
import { inTurn } from "../statistics.ts";
import { HELLO, type Workload } from "../workload.ts";

export const PART = "packages";
/** The function without a package, with which the others are compared. */
export const BASELINE = "hello";
export const LOADING = "loading of the script";
export const INVOCATION = "invocation";
export const PROCESSOR_TIME = "processor time of an invocation";
/** 1 for a function whose invocations start from a template, or whose script needs none because it loads fast; or 0. */
export const STARTS = "starts from a template, or needs none";
const SHARED_SUFFIX = ", shared";

/** The name of a subject with the setting `EVALUATION_SHARED`. A name that says so already stays the same. */
export function sharedSubject(subject: string): string {
  return `${subject.replace(/, shared$/, "")}${SHARED_SUFFIX}`;
}

/** Enough for one template of each function, with and without `EVALUATION_SHARED`. */
const POOL_MEMORY = "6GiB";
/** Invocations after which a function whose script allows a template has one. */
const WARM_UP_INVOCATIONS_MAX = 200;
const MS_PER_SECOND = 1000;

interface Case {
  readonly subject: string;
  readonly call: Call;
  readonly loads: Load[];
  /** Of each round. */
  readonly processorMs: number[];
}

/** What the server reports of a commit; see `loadReport` in docs/templates.md. */
interface Loaded {
  readonly start: string;
  readonly loadMs: number;
  /** Why there is no template; empty with one. */
  readonly reason: string;
}

export async function packages(context: Context): Promise<PartResult> {
  const { rounds, invocations } = context.isQuick
    ? { rounds: 3, invocations: 40 }
    : { rounds: 10, invocations: 500 };
  await using invoked = await Invoked.start({ flags: ["--pool-memory", POOL_MEMORY] });
  const cases: Case[] = [await makeCase(invoked, BASELINE, await invoked.deploy(HELLO), HELLO)];
  const rows: Row[] = [];
  const notes: string[] = [];
  const row = (measure: string, subject: string, unit: Unit, amount: number) =>
    rows.push(rowOf({ part: PART, measure, subject, unit }, [amount]));
  for (const workload of await readPackageWorkloads()) {
    const { name } = workload;
    context.progress(`deploying and calling ${name}`);
    const id = await invoked.deploy(workload);
    const { start, loadMs, reason } = await loadedOf(invoked, id);
    cases.push(await makeCase(invoked, name, id, workload));
    const starts = start === "INVOCATION_START_FAST" || await startsFromTemplate(invoked, id);
    row(LOADING, name, "ms", loadMs);
    row(STARTS, name, "functions", Number(starts));
    if (starts) continue;
    notes.push(
      `${name} loads its script in each invocation: ${reason || "the report allows a template"}`,
    );
    const sharedId = await invoked.deploy(workload);
    await invoked.set(sharedId, "evaluation", "EVALUATION_SHARED");
    cases.push(await makeCase(invoked, sharedSubject(name), sharedId, workload));
    const sharedStarts = await startsFromTemplate(invoked, sharedId);
    row(STARTS, sharedSubject(name), "functions", Number(sharedStarts));
  }
  for (let round = 0; round < rounds; round++) {
    for (const { subject, call, loads, processorMs: rates } of inTurn(cases, round)) {
      context.progress(`round ${round + 1} of ${rounds}: ${subject}`);
      const before = await processorMs(invoked.server.pid);
      loads.push(await oneByOne(invocations, 0, call));
      rates.push((await processorMs(invoked.server.pid) - before) / invocations);
    }
  }
  return { rows: [...rows, ...withRatios(cases.flatMap(rowsOf), BASELINE)], charts: {}, notes };
}

/** Calls the function until a template runs its invocations, or often enough that none will. */
async function makeCase(
  invoked: Invoked,
  subject: string,
  id: string,
  workload: Workload,
): Promise<Case> {
  const call = invoked.call(id, workload, subject);
  for (let n = 0; n < WARM_UP_INVOCATIONS_MAX; n++) {
    await call();
    if (await startsFromTemplate(invoked, id)) break;
  }
  return { subject, call, loads: [], processorMs: [] };
}

async function startsFromTemplate(invoked: Invoked, id: string): Promise<boolean> {
  const { list: [last] } = await invoked.get(`/api/v1/functions/${id}/invocations?page_size=1`);
  return last?.processKind === "PROCESS_KIND_TEMPLATE";
}

/** What the server reports of the function's commit. */
async function loadedOf(invoked: Invoked, id: string): Promise<Loaded> {
  const { start, loadTime, readings, error } = await loadReportOf(await invoked.client(), id);
  const uses = readings.map(({ position, called }) => `${position} called ${called}`);
  return {
    start,
    loadMs: Number.parseFloat(loadTime) * MS_PER_SECOND,
    reason: [...error === undefined ? [] : [error], ...uses].join("; "),
  };
}

function rowsOf({ subject, loads, processorMs: rates }: Case): Row[] {
  const { samples, rejected } = merge(loads);
  return [
    rowOf({ part: PART, measure: INVOCATION, subject, unit: "ms", rejected }, samples),
    rowOf({ part: PART, measure: PROCESSOR_TIME, subject, unit: "ms" }, rates),
  ];
}
