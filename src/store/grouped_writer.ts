import { type Kysely, sql, type Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/** A write: statements on the given transaction and nothing else (no file, no network, no reader). */
export type Write<T> = (tx: Transaction<Schema>) => Promise<T>;

interface Pending {
  readonly write: Write<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Writes that one transaction takes at most, so that a burst does not hold the database for long. */
const WRITES_PER_TRANSACTION_MAX = 256;

/**
 * Groups writes that arrive in the same turn of the event loop into one transaction: one fsync
 * for all of them. A write is acknowledged after the commit that holds it; one that throws is
 * rolled back to its own savepoint and harms no other.
 */
export class GroupedWriter {
  readonly #db: Kysely<Schema>;
  #waiting: Pending[] = [];
  #draining: Promise<void> | undefined;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Resolves with the write's value once it is durable. */
  write<T>(write: Write<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ write, resolve: resolve as (value: unknown) => void, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when everything that was waiting is durable or rejected. */
  async settled(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await this.#commit(this.#waiting.splice(0, WRITES_PER_TRANSACTION_MAX));
    }
    this.#draining = undefined;
  }

  async #commit(group: readonly Pending[]): Promise<void> {
    const [only, ...others] = group;
    if (only === undefined) return;
    if (others.length === 0) return await this.#commitOne(only);
    const settle: (() => void)[] = [];
    try {
      await this.#db.transaction().execute(async (tx) => {
        for (const pending of group) settle.push(await this.#attempt(tx, pending));
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const deliver of settle) deliver();
  }

  /** A write alone in its transaction needs no savepoint. */
  async #commitOne({ write, resolve, reject }: Pending): Promise<void> {
    try {
      resolve(await this.#db.transaction().execute(write));
    } catch (error) {
      reject(error);
    }
  }

  /** Runs one write of a group, undone whole where it throws; answers how to tell its caller after the commit. */
  async #attempt(
    tx: Transaction<Schema>,
    { write, resolve, reject }: Pending,
  ): Promise<() => void> {
    await sql`savepoint grouped_write`.execute(tx);
    try {
      const value = await write(tx);
      await sql`release savepoint grouped_write`.execute(tx);
      return () => resolve(value);
    } catch (error) {
      await sql`rollback to savepoint grouped_write`.execute(tx);
      return () => reject(error);
    }
  }
}
