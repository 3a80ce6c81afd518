import type { MemoryLimit } from "../../sandbox/contract.ts";
import { hasMemory } from "../link/messages.ts";
import type { KnownWorker } from "../registry/registry.ts";

/** Offers of one round. More would only wait for answers of busy workers. */
const OFFERS_MAX = 8;
/** Offers of one round to workers without a free slot: such an offer makes the worker keep its next slot for it. */
const WISHES_MAX = 2;

/** What an invocation needs of its worker. */
interface Needs {
  /** Undefined while it is not known which invocation will run. */
  readonly scriptDigest?: string;
  readonly limits: MemoryLimit;
}

/**
 * The workers to ask for a slot, in this order: workers that have the script ready, then other workers, each group by
 * its share of free slots. Equal workers are shuffled, so that API nodes do not all ask the same worker. Without a free
 * slot anywhere, some workers are asked that will have one next. Workers whose memory limit is below the invocation's
 * memory are never asked.
 */
export function choose(
  all: readonly KnownWorker[],
  { scriptDigest, limits }: Needs,
  random: () => number = Math.random,
): readonly KnownWorker[] {
  const workers = all.filter(({ heartbeat }) => hasMemory(heartbeat, limits));
  const isFree = workers.some(({ free }) => free > 0);
  return workers.filter(({ free, heartbeat }) => isFree ? free > 0 : heartbeat.capacity > 0)
    .map((worker) => ({ worker, rank: rankOf(worker, scriptDigest), tie: random() }))
    .toSorted((a, b) => b.rank - a.rank || a.tie - b.tie)
    .slice(0, isFree ? OFFERS_MAX : WISHES_MAX)
    .map(({ worker }) => worker);
}

function rankOf(
  { heartbeat: { capacity, ready }, free }: KnownWorker,
  scriptDigest: string | undefined,
): number {
  const isReady = scriptDigest !== undefined && ready.includes(scriptDigest);
  return (isReady ? 2 : 0) + free / capacity;
}
