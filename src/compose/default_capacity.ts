/** The default of `--capacity` of a worker, which depends on the machine. */
import { availableParallelism } from "node:os";
import { machineMemory } from "../config/mod.ts";

/** Most functions wait for others most of the time. */
const SLOTS_PER_CORE = 16;
/** What remains is for the worker itself, its zygotes and the file cache. */
const MEMORY_SHARE = 3 / 4;
const CAPACITY_MAX = 10_000;

/** A machine as it limits slots. */
interface Machine {
  readonly cores: number;
  /** Of its container, if that has less. */
  readonly memoryBytes: number;
}

/**
 * As many slots as the processors and the memory of a machine suffice for, and one at least.
 * @param slotBytes `--memory`: what an invocation may take if its function does not ask for more
 */
export function defaultCapacity(
  slotBytes: number,
  { cores, memoryBytes }: Machine = {
    cores: availableParallelism(),
    memoryBytes: machineMemory(),
  },
): number {
  const fitting = Math.floor(MEMORY_SHARE * memoryBytes / slotBytes);
  return Math.max(1, Math.min(SLOTS_PER_CORE * cores, fitting, CAPACITY_MAX));
}
