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
  /** Makes durable what was committed before; call it only after the writer has committed something. */
  sync(): Promise<void>;
  /** Starts maintenance in the background. */
  maintain(betweenTransactions: BetweenTransactions): void;
  /** Ends maintenance; call it after the last write, and before the connections are closed. */
  close(): Promise<void>;
}
