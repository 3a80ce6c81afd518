import type { Statements } from "../statements.ts";
import { TRIGRAM_CHARS } from "./trigrams.ts";

/** Counters; trigrams with the same hash share one. */
const COUNTERS = 1 << 16;
/** Passes of the indexer between two saves. After a crash the counts lack those of the last passes. */
const PASSES_PER_SAVE = 100;

/** Roughly how often each trigram occurs in the index, to search for the rarest ones of a text. */
export class TrigramCounts {
  readonly #index: Statements;
  readonly #counts = new Uint32Array(COUNTERS);
  #passes = 0;

  constructor(index: Statements) {
    this.#index = index;
    const saved = index.first<{ counts: Uint8Array }>("SELECT counts FROM trigram_counts")?.counts;
    if (saved?.byteLength === this.#counts.byteLength) {
      new Uint8Array(this.#counts.buffer).set(saved);
    }
  }

  /** Counts the trigrams of an indexed text. */
  add(text: string): void {
    for (let at = 0; at <= text.length - TRIGRAM_CHARS; at++) {
      const counter = counterOf(text, at);
      this.#counts[counter] = (this.#counts[counter] ?? 0) + 1;
    }
  }

  /** The rarest of these trigrams, as many as `most`. */
  rarest(trigrams: readonly string[], most: number): string[] {
    const count = (trigram: string) => this.#counts[counterOf(trigram, 0)] ?? 0;
    return trigrams.toSorted((a, b) => count(a) - count(b)).slice(0, most);
  }

  /** Saves the counts once in many passes, in the transaction of the pass. */
  endPass(): void {
    if (++this.#passes % PASSES_PER_SAVE === 0) this.save();
  }

  save(): void {
    const counts = new Uint8Array(this.#counts.buffer);
    this.#index.run("UPDATE trigram_counts SET counts = ?", counts);
  }
}

/** The counter of a trigram, the same for each case of its ASCII letters. */
function counterOf(text: string, at: number): number {
  let hash = 0;
  for (let unit = at; unit < at + TRIGRAM_CHARS; unit++) {
    const code = text.charCodeAt(unit);
    hash = Math.imul(hash, 0x01000193) ^ (code >= 0x41 && code <= 0x5a ? code | 0x20 : code);
  }
  return (hash ^ hash >>> 16) & COUNTERS - 1;
}
