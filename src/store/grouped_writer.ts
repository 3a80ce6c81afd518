import { type Kysely, sql, type Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/** A write: statements on the given transaction and nothing else (no file, no network, no reader). */
export type Write<T> = (tx: Transaction<Schema>) => Promise<T>;

/** When a write is acknowledged. */
export type Durability =
  /** Everybody reads it, and it survives a crash of the server; it will be durable soon, as all that came before. */
  | "committed"
  /** It survives a crash of the machine, too. */
  | "durable";

interface PendingWrite {
  readonly write: Write<unknown>;
  readonly durability: Durability;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** A write that was committed with this value, or undone with this error. */
type CommitResult =
  | { readonly kind: "committed"; readonly pending: PendingWrite; readonly value: unknown }
  | { readonly kind: "undone"; readonly pending: PendingWrite; readonly error: unknown };

/** Writes that one transaction takes at most, so that a burst does not hold the database for long. */
const WRITES_PER_TRANSACTION_MAX = 256;

/**
 * Groups writes that arrive in the same turn of the event loop into one transaction, and transactions into one
 * sync: while one is under way others commit, and wait for the next together. A write that throws is rolled back to
 * its own savepoint and harms no other.
 */
export class GroupedWriter {
  readonly #db: Kysely<Schema>;
  readonly #sync: () => Promise<void>;
  #waiting: PendingWrite[] = [];
  /** What runs before the next transaction. */
  #quiet: (() => Promise<void>)[] = [];
  #draining: Promise<void> | undefined;
  /** Tell the callers whose writes are committed and not yet durable. */
  #unsynced: (CommitResult & { readonly kind: "committed" })[] = [];
  #syncing: Promise<void> | undefined;
  /** Why nothing can be made durable any more: after a sync that failed, one that succeeds proves nothing. */
  #broken: { readonly error: unknown } | undefined;

  /** `sync` makes durable what was committed before it is called. */
  constructor(db: Kysely<Schema>, sync: () => Promise<void>) {
    this.#db = db;
    this.#sync = sync;
  }

  /** Resolves with the write's value once it is what `until` says. */
  write<T>(write: Write<T>, until: Durability): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        write,
        durability: until,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Runs the work between two transactions; writes wait for its end. Resolves, or rejects, as the work does. */
  betweenTransactions(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#quiet.push(() => work().then(resolve, reject));
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves when everything that was waiting is durable or rejected. */
  async settled(): Promise<void> {
    while (this.#draining !== undefined || this.#syncing !== undefined) {
      await this.#draining;
      await this.#syncing;
    }
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 || this.#quiet.length > 0) {
      for (const work of this.#quiet.splice(0)) await work();
      const group = this.#waiting.splice(0, WRITES_PER_TRANSACTION_MAX);
      if (group.length === 0) continue;
      for (const outcome of await this.#commit(group)) this.#tell(outcome);
    }
    this.#draining = undefined;
  }

  #tell(outcome: CommitResult): void {
    const { pending } = outcome;
    if (outcome.kind === "undone") return pending.reject(outcome.error);
    if (pending.durability === "committed") pending.resolve(outcome.value);
    this.#unsynced.push(outcome);
    this.#syncing ??= this.#syncAll();
  }

  async #syncAll(): Promise<void> {
    while (this.#unsynced.length > 0) {
      const committed = this.#unsynced;
      this.#unsynced = [];
      try {
        if (this.#broken === undefined) await this.#sync();
      } catch (error) {
        this.#broken = { error };
      }
      // Where the caller was told already, this does nothing.
      for (const { pending, value } of committed) {
        if (this.#broken === undefined) pending.resolve(value);
        else pending.reject(this.#broken.error);
      }
    }
    this.#syncing = undefined;
  }

  async #commit(group: readonly PendingWrite[]): Promise<CommitResult[]> {
    if (this.#broken !== undefined) {
      const { error } = this.#broken;
      return group.map((pending) => ({ kind: "undone", pending, error }));
    }
    const [only, ...others] = group;
    try {
      return await this.#db.transaction().execute(async (tx): Promise<CommitResult[]> => {
        // A write alone in its transaction needs no savepoint.
        if (only !== undefined && others.length === 0) {
          return [{ kind: "committed", pending: only, value: await only.write(tx) }];
        }
        const outcomes: CommitResult[] = [];
        for (const pending of group) outcomes.push(await this.#attempt(tx, pending));
        return outcomes;
      });
    } catch (error) {
      return group.map((pending) => ({ kind: "undone", pending, error }));
    }
  }

  /** Runs one write of a group, undone whole where it throws. */
  async #attempt(tx: Transaction<Schema>, pending: PendingWrite): Promise<CommitResult> {
    await sql`savepoint grouped_write`.execute(tx);
    try {
      const value = await pending.write(tx);
      await sql`release savepoint grouped_write`.execute(tx);
      return { kind: "committed", pending, value };
    } catch (error) {
      await sql`rollback to savepoint grouped_write`.execute(tx);
      return { kind: "undone", pending, error };
    }
  }
}
