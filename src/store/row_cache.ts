import { LRUCache } from "lru-cache";

/** Results of queries kept in memory. */
const RESULTS_MAX = 10_000;

/**
 * Keeps what every call reads: its function, commit and secrets, and the client of its caller. Readers see the same as
 * without it: from the begin of a change until its end nothing is taken from here or kept. Where other nodes write to
 * the database, too, the count of their changes is read first.
 */
export class RowCache {
  readonly #results = new LRUCache<string, object>({ max: RESULTS_MAX });
  readonly #countChanges: (() => Promise<number>) | undefined;
  #changing = 0;
  /** Counts changes, so that a query that began before one is not kept after it. */
  #changes = 0;
  /** The changes of all nodes that were counted last. */
  #counted = -1;
  /** The count that has not been requested yet, for all who came since the last one. */
  #counting: Promise<void> | undefined;

  /** @param countChanges counts the changes of all nodes that are committed; undefined if no other node writes */
  constructor(countChanges?: () => Promise<number>) {
    this.#countChanges = countChanges;
  }

  /** The kept result, or that of the query; an absent row is not kept. */
  async read<Result extends object | undefined>(
    key: string,
    query: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#changing > 0) return await query();
    if (this.#countChanges !== undefined) {
      await (this.#counting ??= this.#count(this.#countChanges));
    }
    const kept = this.#results.get(key);
    if (kept !== undefined && this.#changing === 0) return kept as Result;
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
    this.#clear();
    return {
      [Symbol.dispose]: () => {
        this.#changing--;
      },
    };
  }

  /** Counts once for all who ask in one turn of the event loop: whoever asks later needs a later count. */
  async #count(countChanges: () => Promise<number>): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#counting = undefined;
    const counted = await countChanges();
    if (counted <= this.#counted) return;
    this.#counted = counted;
    this.#clear();
  }

  #clear(): void {
    this.#changes++;
    this.#results.clear();
  }
}
