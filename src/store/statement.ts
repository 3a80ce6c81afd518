import type { Compilable } from "kysely";

/** Runs transactions, and statements that need no rows, on the connection that writes. */
export interface StatementRunner {
  begin(): void | Promise<void>;
  /** Resolves once it is certain that the transaction is committed; rejects once it is certain that it is not. */
  commit(): void | Promise<void>;
  rollback(): void | Promise<void>;
  /** Answers the number of rows that the statement changed. */
  run(sql: string, parameters: readonly unknown[]): number | Promise<number>;
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

/** A statement that Kysely builds once; every run only binds its values. For statements of every call. */
export class Statement<Values extends object> {
  readonly #runner: StatementRunner;
  readonly #sql: string;
  /** An unbound value, or a value that the statement has in every run. */
  readonly #parameters: readonly unknown[];

  constructor(runner: StatementRunner, build: (variable: Variable<Values>) => Compilable) {
    const variable = (name: string) => new Unbound(name);
    const { sql, parameters } = build(variable as unknown as Variable<Values>).compile();
    this.#runner = runner;
    this.#sql = sql;
    this.#parameters = parameters;
  }

  /** Runs it in the open transaction; answers the number of changed rows. */
  run(values: Values): number | Promise<number> {
    const bound = this.#parameters.map((parameter) =>
      parameter instanceof Unbound ? values[parameter.name as keyof Values] : parameter
    );
    return this.#runner.run(this.#sql, bound);
  }
}
