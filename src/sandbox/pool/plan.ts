/** What should wait ready: how many processes with which code loaded, and how many without. */
import type { Provisioned, SandboxLimits } from "../contract.ts";
import { type Called, rateOf } from "./demand.ts";

const MIB = 1024 * 1024;
/** Private memory of a waiting process, and what a unit of loaded script adds to it; measured, see docs/performance.md. */
const IDLE_BYTES = 12 * MIB;
const LOADED_BYTES_PER_UNIT = 13;

/** Time in seconds in which a taken process is replaced on a busy machine. */
const REPLACEMENT_SECONDS = 0.05;
/** Deviations above the mean number of arrivals in that time that the stock is to bear. */
const DEVIATIONS = 3;
/** Least weight of code that processes are kept for: called more than once in a while. */
const LEAST_WEIGHT = 1.2;

export type StockLimits = Pick<SandboxLimits, "poolSize" | "poolMemoryBytes">;

/** Processes to keep for one script. */
export interface Wanted {
  readonly script: string;
  readonly count: number;
}

export interface StockPlan {
  /** By key of the script. */
  readonly loaded: ReadonlyMap<string, Wanted>;
  /** Processes that take on any code. */
  readonly generic: number;
}

/** How many processes bear the arrivals of this weight. */
function borne(weight: number): number {
  const mean = rateOf(weight) * REPLACEMENT_SECONDS;
  return Math.max(1, Math.ceil(mean + DEVIATIONS * Math.sqrt(mean)));
}

/** Plans the stock. `called` is sorted, the most called first, and holds nothing that cannot be loaded ahead. */
export function planStock(
  limits: StockLimits,
  called: readonly Called[],
  provisioned: readonly Provisioned[],
): StockPlan {
  const counts = new Map<string, Wanted>();
  let memory = IDLE_BYTES;
  const add = (key: string, script: string) => {
    const bytes = IDLE_BYTES + LOADED_BYTES_PER_UNIT * script.length;
    if (memory + bytes > limits.poolMemoryBytes) return false;
    memory += bytes;
    counts.set(key, { script, count: (counts.get(key)?.count ?? 0) + 1 });
    return true;
  };
  for (const { key, script, count } of provisioned) {
    for (let n = 0; n < count && add(key, script); n++);
  }
  // One function that is called a lot leaves room for one that nobody called before.
  const reserve = Math.min(limits.poolSize, Math.max(1, Math.floor(limits.poolSize / 4)));
  let room = limits.poolSize - reserve;
  const hungry = called.filter(({ weight }) => weight >= LEAST_WEIGHT);
  // Round by round, so that the most called get the most, and all that are called get one where there is room.
  for (let round = 1; room > 0; round++) {
    const before = room;
    for (const { key, script, weight } of hungry) {
      if (room === 0) break;
      if (borne(weight) < round || (counts.get(key)?.count ?? 0) >= borne(weight)) continue;
      if (add(key, script)) room--;
    }
    if (room === before) break;
  }
  const affordable = Math.floor((limits.poolMemoryBytes - memory) / IDLE_BYTES) + 1;
  return { loaded: counts, generic: Math.min(reserve + room, Math.max(1, affordable)) };
}
