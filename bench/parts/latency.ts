/** Part a: latency under random arrivals, and the rate when saturated, beside the peers. */
import {
  BARE,
  bareDenoRun,
  type Contender,
  FRAMEWORK,
  functionsFramework,
  workerdFresh,
} from "../contenders.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Load, merge, openLoop, pause, saturate } from "../load.ts";
import { type PartResult, type Row, rowOf, withRatios } from "../report.ts";
import { inTurn, poisson } from "../statistics.ts";
import { HELLO, ZOD } from "../workload.ts";

/** A template is replaced after 1,000 forks: each figure of a full run has 5,000 invocations, and so five templates. */
const FULL = { rounds: 10, invocations: 500 } as const;
const QUICK = { rounds: 2, invocations: 100 } as const;
/** Arrivals a second, in ascending order. */
const RATES = [10, 40] as const;
/** At a rate this slow, contenders that no ratio needs receive a tenth of the invocations, because these take long. */
const SLOW_RATE_MAX = 10;
const CALLERS = 8;
const ZOD_NAME = "invoked, zod";
const REUSED_NAME = "invoked, reused";
/** Pause before each measurement, in which pools refill and processes of the one before end. */
const SETTLE_MS = 1000;
const SHORTENED_AT_SLOW_RATES = [ZOD_NAME, REUSED_NAME, FRAMEWORK];
/** Number of invocations after which V8 has compiled the code that a server runs for each. */
const WARM_UP_INVOCATIONS = 500;

export async function latency(context: Context): Promise<PartResult> {
  const plan = context.isQuick ? QUICK : FULL;
  await using server = await Invoked.start();
  await using framework = await functionsFramework(context, HELLO);
  await using workerd = await workerdFresh(context, HELLO);
  const fresh = await server.deploy(HELLO);
  const reusing = await server.deploy(HELLO);
  await server.set(reusing, "processReuse", "PROCESS_REUSE_SEQUENTIAL");
  const heavy = await server.deploy(ZOD);
  const contenders: Contender[] = [
    { name: "invoked", call: server.call(fresh, HELLO) },
    { name: ZOD_NAME, call: server.call(heavy, ZOD) },
    { name: REUSED_NAME, call: server.call(reusing, HELLO) },
    await bareDenoRun(context, HELLO),
    framework,
    workerd,
  ];
  for (const { call } of contenders) {
    for (let n = 0; n < WARM_UP_INVOCATIONS; n++) await call();
  }
  const measured = await measure(context, plan, contenders);
  const rows = withRatios(
    [...latencyRows(contenders, measured), ...rateRows(contenders, measured)],
    BARE,
  );
  return { rows, charts: chartsOf(contenders, rows), notes: [] };
}

interface Measured {
  /** By arrival rate, then by contender. */
  readonly loads: ReadonlyMap<number, ReadonlyMap<string, Load[]>>;
  /** Invocations a second when saturated, one number for each round. */
  readonly rates: ReadonlyMap<string, number[]>;
}

async function measure(
  context: Context,
  plan: typeof FULL | typeof QUICK,
  contenders: readonly Contender[],
): Promise<Measured> {
  const byName = <T>() => new Map(contenders.map(({ name }): [string, T[]] => [name, []]));
  const loads = new Map(RATES.map((rate) => [rate, byName<Load>()]));
  const rates = byName<number>();
  for (let round = 0; round < plan.rounds; round++) {
    for (const rate of RATES) {
      const schedule = poisson(rate, plan.invocations * 1000 / rate);
      for (const { name, call } of inTurn(contenders, round)) {
        context.progress(`round ${round + 1} of ${plan.rounds}: ${rate} invocations/s to ${name}`);
        await pause(SETTLE_MS);
        const arrivals = schedule.slice(0, invocationsOf(name, rate, schedule.length));
        loads.get(rate)?.get(name)?.push(await openLoop(arrivals, call));
      }
    }
    for (const { name, call } of inTurn(contenders, round)) {
      context.progress(`round ${round + 1} of ${plan.rounds}: ${name} saturated`);
      await pause(SETTLE_MS);
      const { perSecond } = await saturate(CALLERS, { answers: plan.invocations }, call);
      rates.get(name)?.push(perSecond);
    }
  }
  return { loads, rates };
}

/** How many of the arrivals at a rate go to a contender. */
function invocationsOf(name: string, rate: number, all: number): number {
  const isShortened = rate <= SLOW_RATE_MAX && SHORTENED_AT_SLOW_RATES.includes(name);
  return isShortened ? all / 10 : all;
}

function latencyRows(contenders: readonly Contender[], { loads }: Measured): Row[] {
  return RATES.flatMap((rate) =>
    contenders.map(({ name }) => {
      const { samples, rejected } = merge(loads.get(rate)?.get(name) ?? []);
      const measure = `${rate} invocations/s`;
      return rowOf({ part: "latency", measure, subject: name, unit: "ms", rejected }, samples);
    })
  );
}

function rateRows(contenders: readonly Contender[], { rates }: Measured): Row[] {
  return contenders.map(({ name }) =>
    rowOf(
      { part: "latency", measure: `${CALLERS} callers`, subject: name, unit: "/s" },
      rates.get(name) ?? [],
    )
  );
}

function chartsOf(contenders: readonly Contender[], rows: readonly Row[]): PartResult["charts"] {
  const find = (name: string, measure: string) =>
    rows.find((row) => row.subject === name && row.measure === measure);
  const byRate = (value: (row: Row | undefined) => number | undefined) =>
    contenders.map(({ name }) => ({
      name,
      values: RATES.map((rate) => value(find(name, `${rate} invocations/s`))),
    }));
  const labels = RATES.map((rate) => `${rate} invocations/s`);
  const amount = "milliseconds";
  return {
    "latency-p50": {
      kind: "bars",
      title: "Median latency under random arrivals",
      amount,
      labels,
      series: byRate((row) => row?.p50),
    },
    "latency-p99": {
      kind: "bars",
      title: "p99 latency under random arrivals",
      amount,
      labels,
      series: byRate((row) => row?.p99),
    },
    saturated: {
      kind: "bars",
      title: `Invocations a second with ${CALLERS} callers that never rest`,
      amount: "invocations a second",
      labels: ["saturated"],
      series: contenders.map(({ name }) => ({
        name,
        values: [find(name, `${CALLERS} callers`)?.p50],
      })),
    },
  };
}
