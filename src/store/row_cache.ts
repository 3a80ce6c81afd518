import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../shared/entries.ts";
import type { Schema } from "./schema.ts";

/** Results of queries kept in memory. */
const RESULTS_MAX = 10_000;

/** The tables whose rows are kept. */
const KEPT: ReadonlySet<string> = new Set<keyof Schema>([
  "functions",
  "functionSecrets",
  "commits",
  "credentials",
  "servicePrincipals",
  "consoleSessions",
  "triggers",
]);

/** Reads rows that may be kept in memory. */
export type RowReads = Pick<RowCache, "read">;

/** Reads every row from the database, as the writers do: they see what their transaction has changed. */
export const UNCACHED: RowReads = { read: (_key, query) => query() };

/**
 * Keeps what every call reads: its function, commit and secrets, and the client of its caller. Readers see the same as
 * without it: from the first statement of a change until its end nothing is taken from here or kept. Where other nodes write to
 * the database, too, the count of their changes is read first.
 */
export class RowCache {
  readonly #results = new LRUCache<string, object>(entriesUpTo(RESULTS_MAX));
  readonly #countChanges: (() => Promise<number>) | undefined;
  #changing = 0;
  /** Counts changes, so that the result of a query that began before a change is not kept after it. */
  #changes = 0;
  /** The changes of all nodes that were counted last. */
  #counted = -1;
  /** The count that has not been requested yet, for all callers since the last request. */
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

  /** A write that may change kept rows; disposed once the write is committed or rolled back. */
  change(): RowChange {
    return new RowChange((by) => {
      this.#changing += by;
      this.clear();
    });
  }

  /** Drops every kept row. */
  clear(): void {
    this.#changes++;
    this.#results.clear();
  }

  /** Counts once for all callers in one turn of the event loop: a later caller needs a later count. */
  async #count(countChanges: () => Promise<number>): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#counting = undefined;
    const counted = await countChanges();
    if (counted <= this.#counted) return;
    this.#counted = counted;
    this.clear();
  }
}

/** What one write changes. */
class RowChange implements Disposable {
  #hasBegun = false;

  constructor(private readonly count: (by: 1 | -1) => void) {}

  /** Whether kept rows may have changed. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** A statement is about to write to a table. */
  note(table: string): void {
    if (this.#hasBegun || !KEPT.has(table)) return;
    this.#hasBegun = true;
    this.count(1);
  }

  [Symbol.dispose](): void {
    if (this.#hasBegun) this.count(-1);
  }
}
