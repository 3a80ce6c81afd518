/** Plans the pool: how many instances wait with which script loaded, and how many without one. */
import type { Provisioned, SandboxLimits } from "../contract.ts";
import { type Called, rateOf } from "./demand.ts";

const MIB = 1024 * 1024;
/** Private memory of a waiting instance, and of a unit of loaded script; measured, see docs/performance.md. */
const IDLE_BYTES = 12 * MIB;
const LOADED_BYTES_PER_UNIT = 13;

/** Time in seconds in which a busy machine replaces a taken instance. */
const REPLACEMENT_SECONDS = 0.05;
/** Standard deviations above the mean number of arrivals in that time that the pool covers. */
const DEVIATIONS = 3;
/** Least weight of a script that gets instances. */
const LEAST_WEIGHT = 1.2;

export type StockLimits = Pick<SandboxLimits, "poolSize" | "poolMemoryBytes">;

/** Instances for one script. */
export interface Wanted {
  readonly script: string;
  readonly count: number;
}

export interface StockPlan {
  /** By key of the script. */
  readonly loaded: ReadonlyMap<string, Wanted>;
  /** Instances without a script. */
  readonly generic: number;
}

/** Number of instances that cover arrivals of this weight. */
function borne(weight: number): number {
  const mean = rateOf(weight) * REPLACEMENT_SECONDS;
  return Math.max(1, Math.ceil(mean + DEVIATIONS * Math.sqrt(mean)));
}

/** Plans the pool. `called` is sorted, the most called first, and holds only scripts that can be loaded ahead. */
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
  // Reserves instances for scripts that were not called before.
  const reserve = Math.min(limits.poolSize, Math.max(1, Math.floor(limits.poolSize / 4)));
  let room = limits.poolSize - reserve;
  const hungry = called.filter(({ weight }) => weight >= LEAST_WEIGHT);
  // Round by round: the most called scripts get the most instances, and every called script gets one if possible.
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
