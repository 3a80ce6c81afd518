/** Reads whole tables of a SQLite database, for a copy into another database. */
import { DatabaseSync } from "node:sqlite";
import { DEFAULT_MIGRATION_LOCK_TABLE, DEFAULT_MIGRATION_TABLE } from "kysely/migration";

/**
 * Tables that each database has for itself: of migrations, the counter of changes, and the queue of the index of searches,
 * also of an earlier release.
 */
const OWN_TABLES: readonly string[] = [
  DEFAULT_MIGRATION_TABLE,
  DEFAULT_MIGRATION_LOCK_TABLE,
  "changes",
  "purged_invocations",
  "unindexed_invocations",
];

/** A value of a column, as every database has it. */
export type Value = string | number | bigint | Uint8Array | null;

/** A table, and its columns in their order. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A database whose tables are read; it is not changed. */
export class TableRows implements Disposable {
  readonly #database: DatabaseSync;

  /** @param path of a database that nobody writes */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true });
  }

  /** All tables except the tables that each database has for itself; each table after the tables that it refers to. */
  tables(): TableShape[] {
    const names = this.#column(
      "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name",
      "name",
    ).filter((name) => !OWN_TABLES.includes(name));
    const ordered: string[] = [];
    const visit = (name: string) => {
      if (ordered.includes(name)) return;
      for (const other of this.#column(`pragma foreign_key_list(${quoted(name)})`, "table")) {
        if (other !== name) visit(other);
      }
      ordered.push(name);
    };
    names.forEach(visit);
    return ordered.map((name) => ({
      name,
      columns: this.#column(`pragma table_info(${quoted(name)})`, "name"),
    }));
  }

  /** The rows of a table in the order in which they were inserted. */
  *rows({ name, columns }: TableShape): Generator<readonly Value[]> {
    const list = columns.map(quoted).join(", ");
    const statement = this.#database.prepare(`select ${list} from ${quoted(name)}`);
    for (const row of statement.iterate()) {
      yield columns.map((column) => row[column] as Value);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #column(query: string, name: string): string[] {
    return this.#database.prepare(query).all().map((row) => String(row[name]));
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
