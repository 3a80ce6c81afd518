import type { Dialect as KyselyDialect } from "kysely";

/** What differs between databases, as named capabilities; nobody else asks which database it is. */
export interface Capabilities {
  /** Column type for bytes. */
  readonly blobType: "blob" | "bytea";
  /** Name of the case-insensitive pattern operator. */
  readonly caseInsensitiveLike: "like" | "ilike";
}

/** A database that the store can stand on. */
export interface Dialect {
  readonly capabilities: Capabilities;
  /** Connections for reading; they see what was committed. */
  readonly reader: KyselyDialect;
  /** The connection that writes; one at a time, so that grouped writes need no locks. */
  readonly writer: KyselyDialect;
  /** Makes durable what was committed before; call it once the writer has committed something. */
  sync(): Promise<void>;
  /** Takes on the care of the database; `quietly` runs work while nothing is written. */
  maintain(quietly: (work: () => Promise<void>) => Promise<void>): void;
  /** Ends the care; call it once nothing is written any more, and before the connections are closed. */
  close(): Promise<void>;
}
