import { type Kysely, sql, type Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/** A write: statements on the given transaction and nothing else (no file, no network, no reader). */
export type Write<T> = (tx: Transaction<Schema>) => Promise<T>;

/** When a write is acknowledged. */
export type Durability =
  /** Every reader sees it, and it survives a crash of the server. It becomes durable soon, in the order of writes. */
  | "committed"
  /** It survives a crash of the machine, too. */
  | "durable";

interface PendingWrite {
  readonly write: Write<unknown>;
  readonly durability: Durability;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

interface CommittedWrite {
  readonly kind: "committed";
  readonly pending: PendingWrite;
  readonly value: unknown;
}

/** What one transaction did with one write. */
type CommitResult =
  | CommittedWrite
  | { readonly kind: "rolled-back"; readonly pending: PendingWrite; readonly error: unknown };

/** Writes in one transaction at most, so that a burst does not hold the database for long. */
const WRITES_PER_TRANSACTION_MAX = 256;

/**
 * Groups writes that arrive in the same turn of the event loop into one transaction, and transactions into one
 * sync: during a sync others commit, and share the next one. A write that throws is rolled back to
 * its own savepoint and does not affect the others.
 */
export class GroupedWriter {
  readonly #db: Kysely<Schema>;
  readonly #sync: () => Promise<void>;
  #waiting: PendingWrite[] = [];
  /** Work that runs before the next transaction. */
  #betweenWork: (() => Promise<void>)[] = [];
  #draining: Promise<void> | undefined;
  /** Writes that are committed and not yet durable. */
  #unsynced: CommittedWrite[] = [];
  #syncing: Promise<void> | undefined;
  /** The error of the first sync that failed. Every later write is rejected: a later success proves nothing. */
  #syncFailure: { readonly error: unknown } | undefined;

  /** @param sync makes durable what was committed before its call */
  constructor(db: Kysely<Schema>, sync: () => Promise<void>) {
    this.#db = db;
    this.#sync = sync;
  }

  /** Resolves with the write's value once the write has this durability. */
  write<T>(write: Write<T>, durability: Durability): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        write,
        durability,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Runs work between two transactions; writes wait for its end. Resolves, or rejects, as the work does. */
  betweenTransactions(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#betweenWork.push(() => work().then(resolve, reject));
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves when every pending write is durable or rejected. */
  async settled(): Promise<void> {
    while (this.#draining !== undefined || this.#syncing !== undefined) {
      await this.#draining;
      await this.#syncing;
    }
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 || this.#betweenWork.length > 0) {
      for (const work of this.#betweenWork.splice(0)) await work();
      const group = this.#waiting.splice(0, WRITES_PER_TRANSACTION_MAX);
      if (group.length === 0) continue;
      for (const result of await this.#commit(group)) this.#acknowledge(result);
    }
    this.#draining = undefined;
  }

  #acknowledge(result: CommitResult): void {
    const { pending } = result;
    if (result.kind === "rolled-back") return pending.reject(result.error);
    if (pending.durability === "committed") pending.resolve(result.value);
    this.#unsynced.push(result);
    this.#syncing ??= this.#syncAll();
  }

  async #syncAll(): Promise<void> {
    while (this.#unsynced.length > 0) {
      const committed = this.#unsynced;
      this.#unsynced = [];
      try {
        if (this.#syncFailure === undefined) await this.#sync();
      } catch (error) {
        this.#syncFailure = { error };
      }
      // Without effect for a write that was acknowledged when it was committed.
      for (const { pending, value } of committed) {
        if (this.#syncFailure === undefined) pending.resolve(value);
        else pending.reject(this.#syncFailure.error);
      }
    }
    this.#syncing = undefined;
  }

  async #commit(group: readonly PendingWrite[]): Promise<CommitResult[]> {
    if (this.#syncFailure !== undefined) {
      const { error } = this.#syncFailure;
      return group.map((pending) => ({ kind: "rolled-back", pending, error }));
    }
    const [only, ...others] = group;
    try {
      return await this.#db.transaction().execute(async (tx): Promise<CommitResult[]> => {
        // A write alone in its transaction needs no savepoint.
        if (only !== undefined && others.length === 0) {
          return [{ kind: "committed", pending: only, value: await only.write(tx) }];
        }
        const results: CommitResult[] = [];
        for (const pending of group) results.push(await this.#runInSavepoint(tx, pending));
        return results;
      });
    } catch (error) {
      return group.map((pending) => ({ kind: "rolled-back", pending, error }));
    }
  }

  /** Runs one write of a group; rolls all of it back if it throws. */
  async #runInSavepoint(tx: Transaction<Schema>, pending: PendingWrite): Promise<CommitResult> {
    await sql`savepoint grouped_write`.execute(tx);
    try {
      const value = await pending.write(tx);
      await sql`release savepoint grouped_write`.execute(tx);
      return { kind: "committed", pending, value };
    } catch (error) {
      await sql`rollback to savepoint grouped_write`.execute(tx);
      return { kind: "rolled-back", pending, error };
    }
  }
}
