/** What the benchmark ran on, and how fast that was by itself. */
import { availableParallelism, cpus, release } from "node:os";
import { BARE, bareDenoRun } from "./contenders.ts";
import type { Context } from "./context.ts";
import { oneByOne, saturate } from "./load.ts";
import { type Row, rowOf } from "./report.ts";
import { HELLO } from "./workload.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown processor",
    cores: availableParallelism(),
    kernel: `${Deno.build.os} ${release()}`,
    deno: Deno.version.deno,
  };
}

export const PART = "machine";

/** How much the machine had to do: runnable processes, means of 1, 5 and 15 minutes. */
export function loadAverage(): string {
  return Deno.loadavg().map((load) => load.toFixed(2)).join(" ");
}

/** A bare `deno run`: alone, and as many as there are cores. */
export async function measureBare(context: Context, when: string): Promise<Row[]> {
  context.progress(`${BARE} ${when} all else`);
  const { call } = await bareDenoRun(context, HELLO);
  await call();
  const alone = await oneByOne(context.isQuick ? 20 : 100, 0, call);
  const rates: number[] = [];
  for (let round = 0; round < (context.isQuick ? 2 : 5); round++) {
    const { perSecond } = await saturate(availableParallelism(), { ms: 1000 }, call);
    rates.push(perSecond);
  }
  return [
    rowOf({ part: PART, measure: `one by one, ${when}`, subject: BARE, unit: "ms" }, alone.samples),
    rowOf({ part: PART, measure: `on all cores, ${when}`, subject: BARE, unit: "/s" }, rates),
  ];
}
