import { distance } from "fastest-levenshtein/esm/mod.js";

/** The candidate that takes the fewest edits to become `word`; undefined if all differ in half of it or more. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.ceil(word.length / 2);
  for (const candidate of candidates) {
    const edits = distance(word, candidate);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}
