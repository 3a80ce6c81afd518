import type { KnownWorker } from "../registry/registry.ts";

/** Offers of one round. More would only wait for answers of busy workers. */
const OFFERS_MAX = 8;

/**
 * The workers to ask for a slot, in this order: those that have the script ready, then the others, each by their share of
 * free slots. Equal ones are shuffled, so that API nodes do not all ask the same one.
 */
export function choose(
  workers: readonly KnownWorker[],
  scriptDigest: string,
  random: () => number = Math.random,
): readonly KnownWorker[] {
  return workers.filter(({ free }) => free > 0)
    .map((worker) => ({ worker, rank: rankOf(worker, scriptDigest), tie: random() }))
    .toSorted((a, b) => b.rank - a.rank || a.tie - b.tie)
    .slice(0, OFFERS_MAX)
    .map(({ worker }) => worker);
}

function rankOf({ entry: { capacity, ready }, free }: KnownWorker, scriptDigest: string): number {
  return (ready.includes(scriptDigest) ? 2 : 0) + free / capacity;
}
