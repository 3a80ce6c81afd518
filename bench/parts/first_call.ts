/** Part g: the first invocation of functions that were never invoked before. */
import { BARE, bareDenoRun } from "../contenders.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { oneByOne, pause } from "../load.ts";
import { type PartResult, rowOf, withRatios } from "../report.ts";
import { bundleOf } from "../workload.ts";

/** Pause between two invocations, in which the pool replaces the used process. */
const PAUSE_MS = 300;
const SETTLE_MS = 2000;

export async function firstInvocation(context: Context): Promise<PartResult> {
  const functions = context.isQuick ? 15 : 100;
  const cases = [
    { measure: "1 KB", bytes: 1_000, ours: [] as number[], bare: [] as number[] },
    { measure: "350 KB", bytes: 350_000, ours: [] as number[], bare: [] as number[] },
  ];
  await using invoked = await Invoked.start();
  for (const { measure, bytes, ours, bare } of cases) {
    context.progress(`deploying ${functions} functions of ${measure}`);
    const calls = [];
    for (let n = 0; n < functions; n++) {
      const workload = bundleOf(bytes, `f${n}`);
      calls.push(invoked.call(await invoked.deploy(workload), workload));
    }
    const baseline = await bareDenoRun(context, bundleOf(bytes));
    await baseline.call();
    await pause(SETTLE_MS);
    context.progress(`calling them for the first time`);
    for (const call of calls) {
      ours.push(...(await oneByOne(1, PAUSE_MS, call)).samples);
      bare.push(...(await oneByOne(1, PAUSE_MS, baseline.call)).samples);
    }
  }
  const rows = cases.flatMap(({ measure, ours, bare }) =>
    withRatios([
      rowOf({ part: "first call", measure, subject: "invoked", unit: "ms" }, ours),
      rowOf({ part: "first call", measure, subject: BARE, unit: "ms" }, bare),
    ], BARE)
  );
  const valuesOf = (subject: string) =>
    rows.filter((row) => row.subject === subject).map(({ p50 }) => p50);
  return {
    rows,
    charts: {
      "first-call": {
        kind: "bars",
        title: "First call of a function never called before, median",
        amount: "milliseconds",
        labels: cases.map(({ measure }) => measure),
        series: ["invoked", BARE].map((name) => ({ name, values: valuesOf(name) })),
      },
    },
    notes: [],
  };
}
