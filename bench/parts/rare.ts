/** Part h: many functions that are rarely called, and the memory of a template for each of them. */
import { BARE, bareDenoRun } from "../contenders.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Call, type Load, merge, openLoop, pause } from "../load.ts";
import { type PartResult, type Row, rowOf, withRatios } from "../report.ts";
import { bundleOf } from "../workload.ts";

const PART = "rare";
const FUNCTIONS = 500;
const FUNCTIONS_QUICK = 40;
/** So that each of {@link FUNCTIONS} is called once a minute. */
const INTERVAL_MS = 60_000 / FUNCTIONS;
/** Requests of a round, after which the other contender has one. */
const ROUND_INVOCATIONS = 20;
const FUNCTION_BYTES = 1_000;
/** Memory for a template of each: about 3 MiB by the server's estimate. */
const POOL_MEMORY = "2GiB";
const SETTLE_MS = 2000;
const LOOK_INTERVAL_MS = 500;
/** Looks with the same number of processes after which no more are made. */
const SETTLED_LOOKS = 6;
const BYTES_PER_MIB = 1024 * 1024;

/** The part of `GET /api/v1/status` that is read here. */
interface Status {
  readonly root: { readonly privateBytes: number };
  readonly templates: { readonly script: number; readonly privateBytes: number };
  readonly instances: { readonly count: number; readonly privateBytes: number };
}

export async function rare(context: Context): Promise<PartResult> {
  const count = context.isQuick ? FUNCTIONS_QUICK : FUNCTIONS;
  await using invoked = await Invoked.start({ flags: ["--pool-memory", POOL_MEMORY] });
  context.progress(`deploying ${count} functions`);
  const ids: string[] = [];
  const calls: Call[] = [];
  for (let n = 0; n < count; n++) {
    const workload = bundleOf(FUNCTION_BYTES, `rare${n}`);
    const id = await invoked.deploy(workload);
    ids.push(id);
    calls.push(invoked.call(id, workload));
  }
  const baseline = await bareDenoRun(context, bundleOf(FUNCTION_BYTES));
  await baseline.call();
  await pause(SETTLE_MS);
  context.progress("calling each of them once");
  const schedule = Array.from({ length: ROUND_INVOCATIONS }, (_, n) => n * INTERVAL_MS);
  const loads: { ours: Load; bare: Load }[] = [];
  for (let from = 0; from < count; from += ROUND_INVOCATIONS) {
    let next = from;
    const ours = await openLoop(schedule, () => calls[next++]?.() ?? Promise.resolve());
    loads.push({ ours, bare: await openLoop(schedule, baseline.call) });
  }
  const ours = merge(loads.map(({ ours }) => ours));
  const bare = merge(loads.map(({ bare }) => bare));
  const measure = `${count} functions, each once${context.isQuick ? "" : " a minute"}`;
  return {
    rows: [
      ...withRatios([
        rowOf({ part: PART, measure, subject: "invoked", unit: "ms" }, ours.samples),
        rowOf({ part: PART, measure, subject: BARE, unit: "ms" }, bare.samples),
      ], BARE),
      ...await memoryRows(context, invoked, ids),
    ],
    charts: {},
    notes: [],
  };
}

/** The private memory of all processes before and after each function has a template. */
async function memoryRows(
  context: Context,
  invoked: Invoked,
  ids: readonly string[],
): Promise<Row[]> {
  context.progress("making a template of each");
  const before = await settled(invoked);
  for (const id of ids) await invoked.set(id, "provisionedConcurrency", 1);
  const after = await settled(invoked);
  const row = (measure: string, subject: string, bytes: number) =>
    rowOf({ part: PART, measure, subject, unit: "MiB" }, [bytes / BYTES_PER_MIB]);
  // Each script has a template, one that forks its instance in cgroups of its own, and that instance.
  const made = Math.max(1, (after.templates.script - before.templates.script) / 2);
  const added = after.templates.privateBytes - before.templates.privateBytes;
  const waiting = after.instances.privateBytes / Math.max(1, after.instances.count);
  return [
    row("private memory", "root", before.root.privateBytes),
    row("private memory", "waiting instance, mean", waiting),
    row("private memory", "template of 1 KB, mean", added / made),
    row("private memory", `templates of ${made} functions`, added),
  ];
}

async function settled(invoked: Invoked): Promise<Status> {
  let last: Status | undefined;
  for (let same = 0;;) {
    const now: Status = await invoked.get("/api/v1/status");
    same = last?.templates.script === now.templates.script ? same + 1 : 0;
    if (same === SETTLED_LOOKS) return now;
    last = now;
    await pause(LOOK_INTERVAL_MS);
  }
}
