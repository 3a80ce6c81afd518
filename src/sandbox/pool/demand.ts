/** Estimates how often each script is called, from arrivals that count less with age. */

/** Time after which an arrival counts half. */
const HALF_LIFE_MS = 15_000;
/** Weight below which a script counts as no longer called. */
const FORGOTTEN_WEIGHT = 0.05;
/** Most scripts that are remembered, and their total length in UTF-16 units. The least called are dropped first. */
const REMEMBERED_MAX = 256;
const REMEMBERED_MAX_UNITS = 64 * 1024 * 1024;

/** A script and how often it is called. */
export interface Called {
  /** Names the script: the same key, the same script. */
  readonly key: string;
  readonly script: string;
  /** Number of arrivals, each halved with every half-life since. */
  readonly weight: number;
}

/** The rate, in calls a second, to which a weight corresponds in the long run. */
export function rateOf(weight: number): number {
  return weight * Math.LN2 / (HALF_LIFE_MS / 1000);
}

interface Memory {
  readonly script: string;
  weight: number;
  atMs: number;
}

/** Counts arrivals. Times are milliseconds of a monotonic clock. */
export class Demand {
  readonly #memories = new Map<string, Memory>();

  /** One call arrived. */
  note(key: string, script: string, nowMs: number): void {
    const memory = this.#memories.get(key);
    if (memory === undefined) {
      this.#memories.set(key, { script, weight: 1, atMs: nowMs });
      this.#forget(nowMs);
    } else {
      memory.weight = decayed(memory, nowMs) + 1;
      memory.atMs = nowMs;
    }
  }

  /** Scripts by how often they are called, the most called first. */
  at(nowMs: number): Called[] {
    return Array.from(this.#memories, ([key, memory]) => {
      const weight = decayed(memory, nowMs);
      return { key, script: memory.script, weight };
    }).sort((a, b) => b.weight - a.weight);
  }

  #forget(nowMs: number): void {
    let remembered = 0;
    let units = 0;
    for (const { key, script, weight } of this.at(nowMs)) {
      const fits = remembered < REMEMBERED_MAX && units + script.length <= REMEMBERED_MAX_UNITS;
      if (fits && weight >= FORGOTTEN_WEIGHT) {
        remembered++;
        units += script.length;
      } else {
        this.#memories.delete(key);
      }
    }
  }
}

function decayed({ weight, atMs }: Memory, nowMs: number): number {
  return weight * 2 ** ((atMs - nowMs) / HALF_LIFE_MS);
}
