import type { KnownWorker } from "../registry/registry.ts";

/** Offers of one round. More would only wait for answers of busy workers. */
const OFFERS_MAX = 8;
/** Offers of one round to workers without a free slot: such an offer makes the worker keep its next slot for it. */
const WISHES_MAX = 2;

/**
 * The workers to ask for a slot, in this order: those that have the script ready, then the others, each by their share of
 * free slots. Equal ones are shuffled, so that API nodes do not all ask the same one. Without a free slot anywhere, some
 * workers are asked that will have one next.
 */
export function choose(
  workers: readonly KnownWorker[],
  scriptDigest: string,
  random: () => number = Math.random,
): readonly KnownWorker[] {
  const isFree = workers.some(({ free }) => free > 0);
  return workers.filter(({ free, entry }) => isFree ? free > 0 : entry.capacity > 0)
    .map((worker) => ({ worker, rank: rankOf(worker, scriptDigest), tie: random() }))
    .toSorted((a, b) => b.rank - a.rank || a.tie - b.tie)
    .slice(0, isFree ? OFFERS_MAX : WISHES_MAX)
    .map(({ worker }) => worker);
}

function rankOf({ entry: { capacity, ready }, free }: KnownWorker, scriptDigest: string): number {
  return (ready.includes(scriptDigest) ? 2 : 0) + free / capacity;
}
