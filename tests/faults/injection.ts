/** Injects faults in an order that a seed repeats. */
import type { InjectedFault } from "./history.ts";
import { pause } from "./load.ts";

/** Pause between two faults, at most. */
const PAUSE_MS_MAX = 1_000;

/** A fault heals before it resolves. */
export type Fault<Context> = (context: Context) => void | Promise<void>;

/** Faults by their names. */
export type Faults<Context> = Readonly<Record<string, Fault<Context>>>;

/** What the injection needs of a run. */
export interface FaultContext {
  /** The name of the fault to inject, or a part of the names of several. */
  readonly fault: string;
  readonly next: (below: number) => number;
}

/** The named fault of exactly this name, otherwise those whose names have the text. @throws Error if no fault has it */
export function namesWith<Context extends FaultContext>(
  faults: Faults<Context>,
  { fault }: Pick<Context, "fault">,
): string[] {
  if (Object.hasOwn(faults, fault)) return [fault];
  const names = Object.keys(faults).filter((name) => name.includes(fault));
  if (names.length === 0) throw new Error(`Cannot inject "${fault}": no fault has it in its name`);
  return names;
}

/** Injects one fault after another until the deadline, each once before any again. @param ready resolves once all works */
export async function injectFaults<Context extends FaultContext>(
  faults: Faults<Context>,
  context: Context,
  ready: () => Promise<void>,
  deadline: number,
): Promise<InjectedFault[]> {
  const { next } = context;
  const names = namesWith(faults, context);
  const injected: InjectedFault[] = [];
  const left: string[] = [];
  const inject = injector(faults, context, ready);
  while (performance.now() < deadline) {
    if (left.length === 0) left.push(...names);
    const [name = ""] = left.splice(next(left.length), 1);
    injected.push(await inject(name));
    await pause(next(PAUSE_MS_MAX));
  }
  return injected;
}

/** Injects each fault once, in their order. @param ready resolves once all works */
export async function injectEach<Context extends FaultContext>(
  faults: Faults<Context>,
  context: Context,
  ready: () => Promise<void>,
): Promise<InjectedFault[]> {
  const injected: InjectedFault[] = [];
  const inject = injector(faults, context, ready);
  for (const name of namesWith(faults, context)) {
    injected.push(await inject(name));
    await pause(PAUSE_MS_MAX);
  }
  return injected;
}

function injector<Context extends FaultContext>(
  faults: Faults<Context>,
  context: Context,
  ready: () => Promise<void>,
): (name: string) => Promise<InjectedFault> {
  const start = performance.now();
  return async (name) => {
    const from = performance.now();
    console.log(`${((from - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
    await faults[name]?.(context);
    const healedAt = performance.now();
    await ready();
    return { name, from, healedAt, to: performance.now(), isTakenOver: false };
  };
}
