import { LRUCache } from "lru-cache";

/** Results of queries kept in memory. */
const RESULTS_MAX = 3_000;

/**
 * Keeps what every call reads: its function, commit and secrets. Readers see the same as without it, because the server
 * is the only one that writes to its store: from the begin of a change until its end nothing is taken from here or kept.
 */
export class RowCache {
  readonly #results = new LRUCache<string, object>({ max: RESULTS_MAX });
  #changing = 0;
  /** Counts changes, so that a query that began before one is not kept after it. */
  #changes = 0;

  /** The kept result, or that of the query; an absent row is not kept. */
  async read<Result extends object | undefined>(
    key: string,
    query: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#changing > 0) return await query();
    const kept = this.#results.get(key);
    if (kept !== undefined) return kept as Result;
    const changes = this.#changes;
    const result = await query();
    if (result !== undefined && changes === this.#changes) {
      this.#results.set(key, Object.freeze(result));
    }
    return result;
  }

  /** A change begins, and ends with the disposal of the result, once it is committed or rolled back. */
  change(): Disposable {
    this.#changing++;
    this.#changes++;
    this.#results.clear();
    return {
      [Symbol.dispose]: () => {
        this.#changing--;
      },
    };
  }
}
