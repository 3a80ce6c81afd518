/** Writes in shared transactions, and the statements that are compiled once for the writes of every invocation. */
import { setImmediate } from "node:timers/promises";
import type { Compilable } from "kysely";

/**
 * A write: statements on the connection of the writer and nothing else (no file, no network, no reader). It may run again
 * after a rollback, so it changes nothing else that a second run would change twice.
 */
export type Write<T> = () => Promise<T>;

/** When a write is acknowledged. */
export type Durability =
  /** Every reader sees it, and it survives a crash of the server. It becomes durable soon, in the order of writes. */
  | "committed"
  /** It survives a crash of the machine, too. */
  | "durable";

interface PendingWrite {
  readonly write: Write<unknown>;
  readonly durability: Durability;
  /** Names of what no other node may change meanwhile. */
  readonly locks: readonly string[];
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

/** How often a transaction runs again that other nodes kept from its end. */
const RETRIES_MAX = 5;

/** How long a write that is acknowledged at its commit waits for a sync that other writes need. */
const SYNC_DELAY_MS = 100;

/**
 * Groups writes that arrive in the same turn of the event loop into one transaction, and transactions into one sync:
 * transactions that commit during a sync share the next sync. A write that throws does not affect other writes: the
 * transaction is rolled back, and all of its writes run again, each in a savepoint of its own.
 */
export class GroupedWriter {
  #waiting: PendingWrite[] = [];
  /** Work that runs before the next transaction. */
  #betweenWork: (() => Promise<void>)[] = [];
  #draining: Promise<void> | undefined;
  /** Writes that are committed and wait for the next sync. */
  #unsynced: CommittedWrite[] = [];
  /** Whether something was committed after the begin of the last sync. */
  #needsSync = false;
  #syncing: Promise<void> | undefined;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  /** Since the start. */
  readonly counts = { writes: 0, transactions: 0 };
  /** The error of the first sync that failed. Every later write is rejected: a later success proves nothing. */
  #syncFailure: { readonly error: unknown } | undefined;

  /**
   * @param statements runs statements on the connection that the writes use, and that nothing else uses
   * @param sync makes durable what was committed before it is called
   */
  constructor(
    private readonly statements: StatementRunner,
    private readonly sync: () => Promise<void>,
  ) {}

  /**
   * Resolves with the write's value once the write has this durability. It may run again, if another write of its
   * transaction throws, or another node kept the transaction from its end.
   * @param locks names of what it reads and then writes: no other node does so meanwhile
   */
  write<T>(write: Write<T>, durability: Durability, locks: readonly string[] = []): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      write,
      durability,
      locks,
      resolve: resolve as (value: unknown) => void,
      reject,
    });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Runs work between two transactions; writes wait for its end. Resolves, or rejects, as the work does. */
  betweenTransactions(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Work that throws at once must not end the loop of the writer either.
    this.#betweenWork.push(() => Promise.resolve().then(work).then(resolve, reject));
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves when every pending write is durable or rejected. */
  async settled(): Promise<void> {
    while (this.#draining !== undefined || this.#needsSync || this.#syncing !== undefined) {
      await this.#draining;
      if (this.#needsSync) this.#syncing ??= this.#syncAll();
      await this.#syncing;
    }
    clearTimeout(this.#syncTimer);
  }

  async #drain(): Promise<void> {
    await setImmediate();
    while (this.#waiting.length > 0 || this.#betweenWork.length > 0) {
      for (const work of this.#betweenWork.splice(0)) await work();
      const group = this.#waiting.splice(0, WRITES_PER_TRANSACTION_MAX);
      if (group.length === 0) continue;
      for (const result of await this.#commit(group)) {
        const { pending } = result;
        if (result.kind === "rolled-back") {
          pending.reject(result.error);
          continue;
        }
        this.#needsSync = true;
        if (pending.durability === "durable") this.#unsynced.push(result);
        else pending.resolve(result.value);
      }
      if (this.#unsynced.length > 0) this.#syncing ??= this.#syncAll();
      else this.#planSync();
    }
    this.#draining = undefined;
  }

  /** Sees to it that what was committed is durable soon. */
  #planSync(): void {
    if (this.#needsSync) this.#syncTimer ??= setTimeout(() => this.#syncLate(), SYNC_DELAY_MS);
  }

  /** Syncs what no durable write has synced meanwhile. */
  #syncLate(): void {
    this.#syncTimer = undefined;
    if (this.#needsSync) this.#syncing ??= this.#syncAll();
  }

  async #syncAll(): Promise<void> {
    do {
      const committed = this.#unsynced;
      this.#unsynced = [];
      this.#needsSync = false;
      clearTimeout(this.#syncTimer);
      this.#syncTimer = undefined;
      try {
        if (this.#syncFailure === undefined) await this.sync();
      } catch (error) {
        this.#syncFailure = { error };
      }
      for (const { pending, value } of committed) {
        if (this.#syncFailure === undefined) pending.resolve(value);
        else pending.reject(this.#syncFailure.error);
      }
    } while (this.#unsynced.length > 0);
    this.#syncing = undefined;
    // The timer of a write that was committed during a long sync may have passed.
    this.#planSync();
  }

  async #commit(group: readonly PendingWrite[]): Promise<CommitResult[]> {
    let failure = this.#syncFailure;
    // Savepoints cost more than many a write, and few writes throw.
    let inSavepoints = false;
    for (let retries = 0; failure === undefined; retries++) {
      try {
        return await this.#transaction(group, inSavepoints);
      } catch (error) {
        const rollBackError = await this.#rollBack();
        if (rollBackError === undefined && group.length > 1 && !inSavepoints) {
          inSavepoints = true;
          continue;
        }
        // After a rollback that failed, the next transaction starts fresh, or fails in the same way.
        const mayRetry = rollBackError === undefined && retries < RETRIES_MAX &&
          this.statements.mayRetry(error);
        if (!mayRetry) failure = { error };
      }
    }
    const { error } = failure;
    return group.map((pending) => ({ kind: "rolled-back", pending, error }));
  }

  /** @param inSavepoints whether a write that throws undoes itself alone, instead of the transaction */
  async #transaction(
    group: readonly PendingWrite[],
    inSavepoints: boolean,
  ): Promise<CommitResult[]> {
    await this.statements.begin();
    const locks = new Set<string>();
    for (const pending of group) for (const lock of pending.locks) locks.add(lock);
    // In one order everywhere, and before any row is locked: so no two transactions wait for each other's locks.
    if (locks.size > 0) await this.statements.lock([...locks].sort());
    const results: CommitResult[] = [];
    for (const pending of group) {
      const result: CommitResult = inSavepoints
        ? await this.#runInSavepoint(pending)
        : { kind: "committed", pending, value: await pending.write() };
      results.push(result);
    }
    await this.statements.commit();
    this.counts.transactions++;
    for (const { kind } of results) if (kind === "committed") this.counts.writes++;
    return results;
  }

  /** Runs one write of a group; rolls all of it back if it throws. */
  async #runInSavepoint(pending: PendingWrite): Promise<CommitResult> {
    this.statements.send("savepoint grouped_write", []);
    try {
      const value = await pending.write();
      await this.#run("release savepoint grouped_write");
      return { kind: "committed", pending, value };
    } catch (error) {
      // On a full disk the database rolls all of the transaction back by itself: the first error is the cause.
      if (!this.statements.inTransaction || this.statements.mayRetry(error)) throw error;
      await this.#run("rollback to savepoint grouped_write");
      return { kind: "rolled-back", pending, error };
    }
  }

  /** Never rejects: an error here would end the loop of the writer, and every later write would wait for ever. */
  async #rollBack(): Promise<unknown> {
    try {
      if (this.statements.inTransaction) await this.statements.rollback();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #run(sql: string): number | Promise<number> {
    return this.statements.run(sql, []);
  }
}

/** Runs transactions, and statements that need no rows, on the connection that writes. */
export interface StatementRunner {
  begin(): void | Promise<void>;
  /** Resolves once it is certain that the transaction is committed; rejects once it is certain that it is not. */
  commit(): void | Promise<void>;
  rollback(): void | Promise<void>;
  /** Answers the number of rows that the statement changed. */
  run(sql: string, parameters: readonly unknown[]): number | Promise<number>;
  /**
   * Runs a statement whose answer nobody needs, without a wait for the answer; if it fails, its savepoint or
   * transaction fails with its error.
   */
  send(sql: string, parameters: readonly unknown[]): void;
  /** As {@link send}; if the statement changes no row, its savepoint or transaction fails with {@link NothingChanged}. */
  sendChange(sql: string, parameters: readonly unknown[]): void;
  /**
   * Takes locks by name up to the end of the open transaction, against other nodes that write to the database. A
   * database with one writer needs no locks.
   */
  lock(names: readonly string[]): void | Promise<void>;
  /** Whether an error of a transaction says that the same transaction may succeed when it runs again. */
  mayRetry(error: unknown): boolean;
  /** Whether a transaction is open; after some errors the database has rolled back by itself. */
  readonly inTransaction: boolean;
}

/** A statement that had to change a row changed none, and its transaction was rolled back. */
export class NothingChanged extends Error {
  constructor() {
    super("Transaction not committed: a statement that must change a row changed none");
    this.name = "NothingChanged";
  }
}

/** The value of a write; undefined if it was rolled back with {@link NothingChanged}. */
export async function unlessUnchanged<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof NothingChanged) return undefined;
    throw error;
  }
}

/**
 * The end of the name of a lock that several transactions may hold at once, while no transaction holds the same lock
 * alone.
 */
const SHARED = " (shared)";

/** The lock of this name, shared with other transactions that take it shared. */
export function sharedLock(name: string): string {
  return name + SHARED;
}

export function isSharedLock(name: string): boolean {
  return name.endsWith(SHARED);
}

/** The name of a lock, shared or not. */
export function lockedName(name: string): string {
  return isSharedLock(name) ? name.slice(0, -SHARED.length) : name;
}

/** A value that each run binds. */
class Unbound {
  constructor(readonly name: string) {}
}

/** Names a value that each run binds; the query builder sees the type of the value. */
export type Variable<Values> = <Name extends keyof Values & string>(name: Name) => Values[Name];

/** A statement that Kysely builds once; every run only binds its values. For statements of every invocation. */
export class Statement<Values extends object> {
  readonly #sql: string;
  /** An unbound value, or a value that the statement has in every run. */
  readonly #parameters: readonly unknown[];

  constructor(
    private readonly runner: StatementRunner,
    build: (variable: Variable<Values>) => Compilable,
  ) {
    const variable = (name: string) => new Unbound(name);
    const { sql, parameters } = build(variable as unknown as Variable<Values>).compile();
    this.#sql = sql;
    this.#parameters = parameters;
  }

  /** Runs it in the open transaction; answers the number of changed rows. */
  run(values: Values): number | Promise<number> {
    return this.runner.run(this.#sql, this.#bound(values));
  }

  /** Runs it in the open transaction, see {@link StatementRunner.send}. */
  send(values: Values): void {
    this.runner.send(this.#sql, this.#bound(values));
  }

  /** Runs it in the open transaction, see {@link StatementRunner.sendChange}. */
  sendChange(values: Values): void {
    this.runner.sendChange(this.#sql, this.#bound(values));
  }

  #bound(values: Values): readonly unknown[] {
    const bound: unknown[] = [];
    for (const parameter of this.#parameters) {
      const isUnbound = parameter instanceof Unbound;
      bound.push(isUnbound ? values[parameter.name as keyof Values] : parameter);
    }
    return bound;
  }
}
