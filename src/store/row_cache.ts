/** The rows that are kept in memory because every invocation reads them. */
import { AsyncLocalStorage } from "node:async_hooks";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../shared/entries.ts";
import type { Schema } from "./schema.ts";

/** Results of queries kept in memory. */
const RESULTS_MAX = 10_000;

/** The tables whose rows are kept. */
export const KEPT: ReadonlySet<string> = new Set<keyof Schema>([
  "functions",
  "functionSecrets",
  "commits",
  "credentials",
  "principals",
  "roles",
  "federationProviders",
  "consoleSessions",
  "serverKeys",
  "triggers",
  "tenants",
  "tenantCredentials",
]);

/** Reads rows that may be kept in memory. */
export type RowReads = Pick<RowCache, "read">;

/** Reads every row from the database, as the writers do: they see what their transaction has changed. */
export const UNCACHED: RowReads = { read: (_key, query) => query() };

/** How long the reads of one request share one count of changes. */
const SHARED_COUNT_MS = 1_000;

/** A request whose reads share one count of changes. */
interface ReadScope {
  /** When it began, in the order of scopes and counts. */
  readonly order: number;
  readonly begunMs: number;
  /** False once the request has ended: work that it left in the background reads as outside a request. */
  isOpen: boolean;
}

/**
 * Keeps what every invocation reads: its function, commit and secrets, and the client of its caller. Readers see the
 * changes of this process as if nothing were kept: from the first statement of a change until its end nothing is taken
 * from here or kept.
 *
 * If other nodes also write to the database, the count of their changes is read first: once for all reads of a request,
 * see {@link within}, and before each read outside a request.
 */
export class RowCache {
  readonly #results = new LRUCache<string, object>(entriesUpTo(RESULTS_MAX));
  #changing = 0;
  /** Counts changes, so that the result of a query that began before a change is not kept after it. */
  #changes = 0;
  /** The changes of all nodes that were counted last. */
  #counted = -1;
  /** The count that has not been requested yet, for all callers since the last request. */
  #counting: Promise<void> | undefined;
  readonly #scopes = new AsyncLocalStorage<ReadScope>();
  /** Numbers scopes and counts in the order in which they began. */
  #order = 0;
  /** The begin of the last count that has its answer. */
  #countedFrom = 0;
  /** Counts the calls of {@link forget}: a count that began before the last one says nothing. */
  #era = 0;

  /** @param countChanges counts the changes of all nodes that are committed; undefined if no other node writes */
  constructor(private readonly countChanges?: () => Promise<number>) {}

  /**
   * Runs work that answers one request. While the work runs, its reads see what was acknowledged before it began. Of
   * what other nodes write later, they see all after {@link SHARED_COUNT_MS}.
   */
  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.countChanges === undefined) return await work();
    const scope = { order: ++this.#order, begunMs: performance.now(), isOpen: true };
    try {
      return await this.#scopes.run(scope, work);
    } finally {
      scope.isOpen = false;
    }
  }

  /** The kept result, or that of the query; an absent row is not kept. */
  async read<Result extends object | undefined>(
    key: string,
    query: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#changing > 0) return await query();
    if (this.countChanges !== undefined && !this.#isCounted()) {
      await (this.#counting ??= this.#count(this.countChanges));
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

  /** A write begins to change kept rows. */
  begun(): void {
    this.#changing++;
    this.clear();
  }

  /** The write is committed or rolled back. */
  ended(): void {
    this.#changing--;
    this.clear();
  }

  /**
   * Forgets everything, with the counts of changes: the database was away, and another primary may count from a lower
   * number.
   */
  forget(): void {
    this.#era++;
    this.#counted = -1;
    this.#countedFrom = 0;
    this.clear();
  }

  /** Drops every kept row. */
  clear(): void {
    this.#changes++;
    this.#results.clear();
  }

  /** Whether changes were counted since the open request of the caller began. */
  #isCounted(): boolean {
    const scope = this.#scopes.getStore();
    return scope?.isOpen === true && scope.order < this.#countedFrom &&
      performance.now() - scope.begunMs < SHARED_COUNT_MS;
  }

  /** Counts once for all callers in one turn of the event loop: a later caller needs a later count. */
  async #count(countChanges: () => Promise<number>): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#counting = undefined;
    const order = ++this.#order;
    const era = this.#era;
    const counted = await countChanges();
    if (era !== this.#era) return await this.#count(countChanges);
    this.#countedFrom = Math.max(this.#countedFrom, order);
    if (counted <= this.#counted) return;
    this.#counted = counted;
    this.clear();
  }
}
