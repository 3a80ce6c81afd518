/** Injects faults in an order that a seed repeats. */
import type { InjectedFault } from "./history.ts";
import { pause } from "./load.ts";

/** Pause between two faults, at most. */
const PAUSE_MS_MAX = 1_000;

/** A fault heals before it resolves. */
export type Fault<Context> = (context: Context) => void | Promise<void>;

/** What the injection needs of a run. */
export interface FaultContext {
  /** A part of the names of the faults to inject. */
  readonly fault: string;
  readonly next: (below: number) => number;
}

/** Injects one fault after another until the deadline, each once before any again. @param ready resolves once all works */
export async function injectFaults<Context extends FaultContext>(
  faults: Readonly<Record<string, Fault<Context>>>,
  context: Context,
  ready: () => Promise<void>,
  deadline: number,
): Promise<InjectedFault[]> {
  const { next, fault } = context;
  const names = Object.keys(faults).filter((name) => name.includes(fault));
  if (names.length === 0) throw new Error(`Cannot inject "${fault}": no fault has it in its name`);
  const injected: InjectedFault[] = [];
  const left: string[] = [];
  const start = performance.now();
  while (performance.now() < deadline) {
    if (left.length === 0) left.push(...names);
    const [name = ""] = left.splice(next(left.length), 1);
    const from = performance.now();
    console.log(`${((from - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
    await faults[name]?.(context);
    await ready();
    injected.push({ name, from, to: performance.now() });
    await pause(next(PAUSE_MS_MAX));
  }
  return injected;
}
