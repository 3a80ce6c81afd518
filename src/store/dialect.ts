import type { Dialect as KyselyDialect } from "kysely";
import type { StatementRunner } from "./statement.ts";

/**
 * The differences between databases, as named capabilities: no other code depends on which database is used. Of each
 * pair SQLite has the first value and PostgreSQL the second.
 */
export interface Capabilities {
  /** Column type for bytes. */
  readonly blobType: "blob" | "bytea";
  /** Name of the case-insensitive pattern operator. */
  readonly caseInsensitiveLike: "like" | "ilike";
}

/** Runs work while no transaction is open. */
export type BetweenTransactions = (work: () => Promise<void>) => Promise<void>;

/** A database for the store. */
export interface Dialect {
  readonly capabilities: Capabilities;
  /** Connections for reading; they see what was committed. */
  readonly reader: KyselyDialect;
  /** The connection that writes; a single one, so that grouped writes need no locks. */
  readonly writer: KyselyDialect;
  /** Runs statements on the connection of `writer`, without its query builder. */
  readonly statements: StatementRunner;
  /** Makes durable what was committed before. @throws SyncError */
  sync(): Promise<void>;
  /** Writes something that changes nothing, in the open transaction. */
  probe(): Promise<void>;
  /** Starts maintenance in the background; `onError` gets its errors. Call it after the first transaction. */
  maintain(
    betweenTransactions: BetweenTransactions,
    onError: (error: unknown) => void,
  ): Promise<void>;
  /** Ends maintenance; call it after the last write, and before the connections are closed. */
  close(): Promise<void>;
}
