import type { Dialect as KyselyDialect, Expression, RawBuilder } from "kysely";
import type { StatementRunner } from "./grouped_writer.ts";

/**
 * The differences between databases, as named capabilities: no other code depends on which database is used. Of each
 * pair SQLite has the first value and PostgreSQL the second.
 */
export interface Capabilities {
  /** Name of the case-insensitive pattern operator. */
  readonly caseInsensitiveLike: "like" | "ilike";
  /** The end of a query that locks its rows against other transactions until the end of the transaction. */
  readonly rowLock: "" | "for update";
  /** SQL of the time of the database, and of milliseconds after it: RFC 3339, UTC, with milliseconds. */
  timeAfter(ms: number): string;
  /** The UTF-8 form of a text, as bytes. */
  readonly bytesOf: (text: Expression<unknown>) => RawBuilder<Uint8Array>;
}

/** The connections of one pool. */
export interface ConnectionUse {
  readonly pool: "reads" | "long_reads";
  readonly used: number;
  readonly idle: number;
  readonly max: number;
  /** Reads that wait for a connection. */
  readonly waiting: number;
}

/** Runs work while no transaction is open. */
export type BetweenTransactions = (work: () => Promise<void>) => Promise<void>;

/** The rows of a search, as a query without order and limit. */
export interface RowFilter {
  /**
   * Selects `id`, `content_bytes`, `log_bytes` and `is_match` of the rows of `invocations`. What an index decides is in its condition,
   * what only the row itself shows is in `is_match`, which is 1 for the rows to find.
   */
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** The text that rows with `is_match` contain, in any case of ASCII letters; undefined for a search without a text. */
  readonly text: string | undefined;
  /** Ids that `sql` lets through at most: from the first, and before the last. */
  readonly range: { readonly from: string | undefined; readonly before: string | undefined };
  readonly limit: number;
}

export interface FoundRow {
  readonly id: string;
  /** Bytes of its input and output. */
  readonly contentBytes: number;
}

/** What a search has found, newest first. */
export interface FoundPage {
  readonly rows: readonly FoundRow[];
  /** Where the next page begins: after this id. Undefined if no further row can match. */
  readonly next: string | undefined;
  /** Rows that were read. */
  readonly visited: number;
}

/** Finds invocations beside the event loop. A short or empty page can have a next page. */
export interface InvocationSearch {
  find(filter: RowFilter): Promise<FoundPage>;
}

/**
 * A database for the store. Migrations name the types of columns as SQLite does: `text`, which sorts by its bytes,
 * `integer` for up to 2^53, and `blob`.
 */
export interface Dialect {
  /** For messages, such as `data directory /var/lib/invoked`. */
  readonly name: string;
  /** The schema of the tables; undefined if the database has no schemas. */
  readonly schema: string | undefined;
  readonly capabilities: Capabilities;
  /** Whether other processes may write to the database at the same time. */
  readonly isShared: boolean;
  /** Connections for reading; they see what was committed. */
  readonly reader: KyselyDialect;
  /** Connections for reading what is long, beside the event loop; they run single queries. */
  readonly longReader: KyselyDialect;
  /** The same for statistics, which read many rows: other long reads do not wait for them. */
  readonly statisticsReader: KyselyDialect;
  readonly search: InvocationSearch;
  /** The connection that writes: only one connection, so that grouped writes need no locks. */
  readonly writer: KyselyDialect;
  /** Runs statements on the connection of `writer`, without its query builder. */
  readonly statements: StatementRunner;
  /** Makes durable what was committed before. @throws SyncError */
  sync(): Promise<void>;
  /** Writes something that changes nothing, in the open transaction. */
  probe(): Promise<void>;
  /** Runs checks and migrations while no other process does. */
  lockMigrations<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Starts maintenance in the background; `onError` gets its errors. Call it after the first transaction. */
  maintain(
    betweenTransactions: BetweenTransactions,
    onError: (error: unknown) => void,
  ): Promise<void>;
  /**
   * Gives some of the space that deletions have freed back to the file system, outside a transaction; absent for a database
   * that does so by itself.
   * @returns how much is left for later steps; 0 for nothing
   */
  reclaim?(): number;
  /** The connections for reading; absent for a database without connections. */
  connections?(): readonly ConnectionUse[];
  /** Ends all connections: answers may be lost on the way. Absent for a database without connections. */
  giveUpConnections?(): void;
  /** Ends waits for a database that is away; what is under way on an open connection continues. */
  interrupt(): void;
  /** Ends maintenance; call it after the last write, and before the connections are closed. */
  close(): Promise<void>;
}
