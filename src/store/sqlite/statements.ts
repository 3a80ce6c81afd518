import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** Prepared statements kept per connection; the server has fewer distinct statements than this. */
export const PREPARED_STATEMENTS_MAX = 256;

/** The prepared statements of a connection, by their text. */
export class Statements {
  /** Those of a thread are few. Beyond the limit they are prepared again. */
  readonly #prepared = new Map<string, StatementSync>();

  constructor(private readonly db: DatabaseSync) {}

  get(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      if (this.#prepared.size === PREPARED_STATEMENTS_MAX) this.#prepared.clear();
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  /** Runs work in a transaction, which is rolled back if it throws. */
  transaction<Result>(work: () => Result): Result {
    this.db.exec("BEGIN");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } finally {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
    }
  }

  run(sql: string, ...parameters: SQLInputValue[]): void {
    this.get(sql).run(...parameters);
  }

  all<Row>(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.get(sql).all(...parameters) as Row[];
  }

  first<Row>(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.get(sql).get(...parameters) as Row | undefined;
  }

  /** Rows one by one; leaving the loop ends the query. */
  each<Row>(sql: string, ...parameters: SQLInputValue[]): Iterable<Row> {
    return this.get(sql).iterate(...parameters) as Iterable<Row>;
  }
}
