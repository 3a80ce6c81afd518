/** Parts b and c: the cost of an invocation by the size of its code and of its input. */
import {
  BARE,
  bareDenoRun,
  type Contender,
  functionsFramework,
  type Peer,
  workerdFresh,
} from "../contenders.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Load, merge, openLoop, pause } from "../load.ts";
import type { Chart } from "../plots.ts";
import { type PartResult, type Row, rowOf, withRatios } from "../report.ts";
import { inTurn, poisson } from "../statistics.ts";
import { bundleOf, inputOf, type Workload } from "../workload.ts";

/** Few enough for the largest code, of which preparing a process takes most of a second. */
const INVOCATIONS_PER_SECOND = 2;
const SETTLE_MS = 1000;
const WARM_UP_INVOCATIONS = 3;

interface Size {
  readonly label: string;
  readonly workload: Workload;
}

export async function bundles(context: Context): Promise<PartResult> {
  const sizes = [
    { label: "1 KB", workload: bundleOf(1_000) },
    { label: "350 KB", workload: bundleOf(350_000) },
    { label: "4 MB", workload: bundleOf(4_000_000) },
  ];
  return await bySize(context, "bundles", "Latency by the size of the code, median", sizes);
}

export async function inputs(context: Context): Promise<PartResult> {
  const sizes = [
    { label: "1 KB", workload: inputOf(1_000) },
    { label: "100 KB", workload: inputOf(100_000) },
    { label: "5 MB", workload: inputOf(5_000_000) },
  ];
  return await bySize(context, "inputs", "Latency by the size of the input, median", sizes);
}

async function bySize(
  context: Context,
  part: string,
  title: string,
  sizes: readonly Size[],
): Promise<PartResult> {
  await using server = await Invoked.start();
  await using peers = new AsyncDisposableStack();
  const cases: { readonly size: Size; readonly contender: Contender; readonly loads: Load[] }[] =
    [];
  for (const size of sizes) {
    const started: Peer[] = [
      peers.use(await functionsFramework(context, size.workload)),
      peers.use(await workerdFresh(context, size.workload)),
    ];
    const id = await server.deploy(size.workload);
    const contenders = [
      { name: "invoked", call: server.call(id, size.workload) },
      await bareDenoRun(context, size.workload),
      ...started,
    ];
    for (const contender of contenders) {
      for (let n = 0; n < WARM_UP_INVOCATIONS; n++) await contender.call();
      cases.push({ size, contender, loads: [] });
    }
  }
  const { rounds, seconds } = context.isQuick
    ? { rounds: 2, seconds: 4 }
    : { rounds: 4, seconds: 15 };
  for (let round = 0; round < rounds; round++) {
    const schedule = poisson(INVOCATIONS_PER_SECOND, seconds * 1000);
    for (const { size, contender, loads } of inTurn(cases, round)) {
      context.progress(`round ${round + 1} of ${rounds}: ${size.label} to ${contender.name}`);
      await pause(SETTLE_MS);
      loads.push(await openLoop(schedule, contender.call));
    }
  }
  const rows = withRatios(
    cases.map(({ size, contender, loads }) => {
      const { samples, rejected } = merge(loads);
      const subject = contender.name;
      return rowOf({ part, measure: size.label, subject, unit: "ms", rejected }, samples);
    }),
    BARE,
  );
  return { rows, charts: { [part]: chartOf(title, rows) }, notes: [] };
}

function chartOf(title: string, rows: readonly Row[]): Chart {
  const labels = [...new Set(rows.map(({ measure }) => measure))];
  const names = [...new Set(rows.map(({ subject }) => subject))];
  return {
    kind: "bars",
    title,
    amount: "milliseconds",
    labels,
    series: names.map((name) => ({
      name,
      values: labels.map((label) =>
        rows.find(({ measure, subject }) => measure === label && subject === name)?.p50
      ),
    })),
  };
}
