/** Copies a database of PostgreSQL into a file of SQLite: backups have one form, whatever database the server has. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import pg from "pg";
import { DEFAULT_MIGRATION_TABLE } from "kysely/migration";
import { assertCurrent } from "../migrations/mod.ts";
import { createDatabase } from "../sqlite/migrate_copy.ts";
import { closeLog } from "../sqlite/snapshot.ts";
import { TableRows, type TableShape } from "../sqlite/table_rows.ts";
import type { PostgresOptions } from "./address.ts";
import { DatabaseError } from "./database_error.ts";
import { tryLockQuery } from "./locks.ts";
import { Servers } from "./servers.ts";

/** The table that has rows from the first start of a server on. */
const PRINCIPALS = "principals";
/** How often a reader tries to take the lock that a deletion holds. */
const RETRY_MS = 100;

/** Nothing ends a long read, nor the connection that holds the lock meanwhile. */
const SESSION = "set statement_timeout = 0; set idle_session_timeout = 0; " +
  "set idle_in_transaction_session_timeout = 0; set tcp_keepalives_idle = 10; " +
  "set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";

/** Columns by name. */
type Row = Readonly<Record<string, unknown>>;

/** A connection that only reads a database that servers use. Disposing it closes the connection. */
export class PostgresReading implements AsyncDisposable {
  private constructor(
    private readonly client: pg.Client,
    private readonly label: string,
  ) {}

  /** @throws DatabaseError */
  static async open({ database }: PostgresOptions): Promise<PostgresReading> {
    const { client } = await (await Servers.of(database)).connect();
    await client.query(SESSION);
    return new PostgresReading(client, database.url.label);
  }

  /**
   * Keeps contents from deletion until the connection closes.
   * @param onWait called once if a deletion holds the lock
   */
  async holdContents(onWait: () => void): Promise<void> {
    for (let isFirst = true;; isFirst = false) {
      const { rows: [row] } = await this.client.query(tryLockQuery("contents", "shared"));
      if (row?.locked === true) return;
      if (isFirst) onWait();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Checks that the lock of contents did not end with a lost connection. @throws DatabaseError */
  async assertHeld(): Promise<void> {
    await this.client.query("select 1").catch((error) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DatabaseError(`${this.label} was lost meanwhile: ${reason}`);
    });
  }

  /** A table of a database that is in use; undefined for an empty one, also if it was migrated. */
  async usedTable(): Promise<string | undefined> {
    const { rows } = await this.client.query(
      "select table_name as name from information_schema.tables where table_schema = current_schema()",
    );
    const names = rows.map(({ name }) => String(name));
    if (!names.includes(PRINCIPALS)) return names[0];
    const { rows: principals } = await this.client.query(`select 1 from ${PRINCIPALS} limit 1`);
    return principals.length === 0 ? undefined : PRINCIPALS;
  }

  /** Copies all tables as they are at one moment. @throws DataDirError for a database of another version */
  async copyTo(file: string): Promise<void> {
    const { client } = this;
    await client.query("begin isolation level repeatable read, read only");
    try {
      const { rows } = await client.query(
        `select name from ${DEFAULT_MIGRATION_TABLE} order by name`,
      )
        .catch(() => ({ rows: [] }));
      assertCurrent(rows.map(({ name }) => String(name)), this.label);
      await createDatabase(file);
      const tables = tablesOf(file);
      using target = new DatabaseSync(file, { enableForeignKeyConstraints: false });
      target.exec("BEGIN");
      for (const table of tables) await this.#copyTable(target, table);
      target.exec("COMMIT");
    } finally {
      await client.query("rollback").catch(() => {});
    }
    closeLog(file);
  }

  async #copyTable(target: DatabaseSync, { name, columns }: TableShape): Promise<void> {
    const list = columns.map((column) => `"${column}"`).join(", ");
    // What the migrations of an empty database have written.
    target.exec(`DELETE FROM "${name}"`);
    const values = columns.map(() => "?").join(", ");
    const insert = target.prepare(`INSERT INTO "${name}" (${list}) VALUES (${values})`);
    await this.#eachRow(
      `select ${list} from "${name}"`,
      (row) => insert.run(...columns.map((column) => row[column] as SQLInputValue)),
    );
  }

  /**
   * Takes each row as soon as it has arrived: at most one row is in memory, because rows have very different sizes.
   * The connection is read no further while a row is taken.
   */
  async #eachRow(text: string, take: (row: Row) => unknown): Promise<void> {
    // With a listener for rows and no callback, the query keeps none.
    const query = this.client.query(new pg.Query<Row>(text));
    let failure: { readonly error: unknown } | undefined;
    query.on("row", (row) => {
      try {
        if (failure === undefined) take(row);
      } catch (error) {
        // Thrown here, the error would end the process; the remaining rows are read and dropped.
        failure = { error };
      }
    });
    await new Promise<void>((resolve, reject) => {
      query.on("end", () => resolve());
      query.on("error", reject);
    });
    if (failure !== undefined) throw failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end();
  }
}

function tablesOf(file: string): TableShape[] {
  using empty = new TableRows(file);
  return empty.tables();
}
