import { distance } from "fastest-levenshtein/esm/mod.js";

/** Longest word that is compared, in UTF-16 code units: the work grows with the square, and callers choose words. */
const WORD_MAX_UNITS = 256;

/**
 * The candidate that takes the fewest edits to become `word`; undefined if all differ in half of it or more, and for a
 * word of more than {@link WORD_MAX_UNITS}.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > WORD_MAX_UNITS) return undefined;
  let best: string | undefined;
  let least = Math.ceil(word.length / 2);
  for (const candidate of candidates) {
    if (candidate.length > WORD_MAX_UNITS) continue;
    const edits = distance(word, candidate);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}
